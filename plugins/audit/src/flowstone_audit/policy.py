"""Which events are audited, how soon they are durable, and what becomes of those that cannot be kept.

Both settings are lists of ``pattern=word``, separated by commas. A pattern is an event name, or the
beginning of one with ``*``. The first that fits counts.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

Mode = Literal["durable", "batched", "off"]
Failure = Literal["raise", "spool", "drop"]

DEFAULT: Final = (
    "io.*=off,checkpoint.approved=durable,checkpoint.rejected=durable,checkpoint.timeout=durable,*=batched"
)
OWN: Final = "audit."
"""The plugin's own events are never audited: each entry would make the next one."""
_KEPT: Final = 4096
_MODES: Final[dict[str, Mode]] = {mode: mode for mode in get_args(Mode)}


class Policy(dict[str, Mode]):
    """The mode of an event by its name; ``policy[name]``, decided when a name is first seen.

    ``durable``: the emitting call waits until the entry is in the spool and on the disk; for checkpoint
    decisions. ``batched``: it follows within the drain's round. ``off``: not audited.

    Args:
        text: Such as ``io.*=off,checkpoint.*=durable,*=batched``. What it does not name is as by default.

    Raises:
        ValueError: It is malformed; the message says where.
    """

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self._rules = _rules(f"{text},{DEFAULT}", get_args(Mode), "FLOWSTONE_AUDIT_POLICY")

    def __missing__(self, name: str) -> Mode:
        if len(self) >= _KEPT:
            self.clear()
        found = "off" if name.startswith(OWN) else _first(self._rules, name)
        made = self[name] = _MODES.get(found or "", "batched")
        return made


class Failures:
    """What becomes of an entry that even the spool cannot take.

    ``raise``: whoever called ``log()`` or decided the checkpoint gets an error; what nobody waits for is
    treated as ``spool``. ``spool``: it waits in memory, up to a bound, and is tried again; beyond, the oldest
    are dropped. ``drop``: it is dropped. What is dropped is counted, and told in an ``audit.gap`` entry.

    Args:
        text: Such as ``rule.*=drop,*=spool``. By default ``raise`` where somebody waits, else ``spool``.

    Raises:
        ValueError: It is malformed; the message says where.
    """

    def __init__(self, text: str = "") -> None:
        self._rules = _rules(text, get_args(Failure), "FLOWSTONE_AUDIT_ON_FAILURE")

    def of(self, name: str, *, waiting: bool) -> Failure:
        """Return what becomes of an entry of the event *name*; *waiting*: whether somebody waits for it."""
        found = _first(self._rules, name) or "raise"
        if found == "raise" and not waiting:
            return "spool"
        return found  # type: ignore[return-value]


def _rules(text: str, words: tuple[str, ...], setting: str) -> list[tuple[str, str]]:
    rules = []
    for part in text.split(","):
        if not part.strip():
            continue
        pattern, equals, word = (piece.strip() for piece in part.partition("="))
        if not equals or word not in words or not pattern or "*" in pattern[:-1]:
            raise ValueError(
                f"{setting}: {part.strip()!r} has to be name=word or name.*=word, the word one of {', '.join(words)}"
            )
        rules.append((pattern.removeprefix("flowstone."), word))
    return rules


def _first(rules: list[tuple[str, str]], name: str) -> str | None:
    for pattern, word in rules:
        if name == pattern or (pattern.endswith("*") and name.startswith(pattern[:-1])):
            return word
    return None
