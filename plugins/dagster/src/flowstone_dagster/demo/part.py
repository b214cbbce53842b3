"""A part of the demo: what one more plugin makes of the same two runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any, Final

from flowstone.plugin import settings

_INDENT: Final = "      "


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one plugin showed.

    Attributes:
        name: The plugin's; the part's key in the JSON document.
        title: What is to be seen.
        steps: Commands, or what else was done, each with what came of it.
        commands: What shows more, as the user has to type it, each with what it shows.
        document: The same for programs.
        problems: Which of its promises it did not keep.
    """

    name: str
    title: str
    steps: Sequence[tuple[str, Sequence[str]]] = ()
    commands: Mapping[str, str] = field(default_factory=dict)
    document: dict[str, Any] = field(default_factory=dict)
    problems: Sequence[str] = ()

    def lines(self) -> Iterator[str]:
        """Yield the steps as text."""
        for done, shown in self.steps:
            yield f"  {done}"
            yield from (f"{_INDENT}{line}" for line in shown)


def skipped(name: str, title: str) -> Part | None:
    """Return the part of a plugin that is not there, which says in one line what to do; None if it is there."""
    try:
        distribution(f"flowstone-{name}")
    except PackageNotFoundError:
        advice = f"not installed; run: pip install 'flowstone[{name}]'"
    else:
        if name not in settings().words("DISABLED_PLUGINS"):
            return None
        advice = "switched off by FLOWSTONE_DISABLED_PLUGINS"
    return Part(name=name, title=title, steps=[(advice, ())], document={"skipped": advice})


def broken(name: str, title: str, reason: str) -> Part:
    """Return a part that could not be shown."""
    first = reason.splitlines()[0] if reason else "no reason was given"
    return Part(
        name=name,
        title=title,
        steps=[(f"failed: {first}", ())],
        document={"failed": reason},
        problems=[f"{name}: {reason}"],
    )
