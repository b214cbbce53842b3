"""Details as JSON text: any value made a clean one, secrets out, what is private held apart."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import date, time, timedelta
from typing import Any, Final

import orjson

from flowstone.plugin import count, is_secret, redact
from flowstone_audit.errors import EntryRefused

MARK: Final = "[redacted]"
LONGEST: Final = 65_536
"""Bytes of the JSON text."""

_DEPTH: Final = 16
_LEAST: Final = 2
"""Characters of an item in JSON, with what divides it from the next."""
_BITS: Final = 4096
_INT64: Final = 1 << 63


def split(given: Mapping[str, object], private: frozenset[str]) -> tuple[str, str | None]:
    """Return the JSON texts of the details that stay, and of those that are held privately (None: none).

    Args:
        given: The details; what has no JSON form is made text, and counted.
        private: Keys that are held privately, here or among ``attributes``.

    Raises:
        EntryRefused: They are larger than what both texts may take.
    """
    clean = cleaned(given, _Room())
    assert isinstance(clean, dict)
    return divided(clean, private)


def divided(clean: dict[str, Any], private: frozenset[str]) -> tuple[str, str | None]:
    """Do the same with details that are clean; takes what is private out of *clean*."""
    if not private:
        return text_of(clean), None
    held = {key: clean.pop(key) for key in private & clean.keys()}
    attributes = clean.get("attributes")
    if isinstance(attributes, dict):
        inner = {key: attributes.pop(key) for key in private & attributes.keys()}
        if inner:
            held["attributes"] = inner
        if not attributes:
            del clean["attributes"]
    return text_of(clean), text_of(held) if held else None


def text_of(clean: object) -> str:
    """Return *clean* as compact JSON text."""
    try:
        return orjson.dumps(clean).decode()
    except TypeError:  # whole numbers of more than 64 bits
        return json.dumps(clean, ensure_ascii=False, separators=(",", ":"))


def text(given: str) -> str:
    """Return a text without secrets, as Unicode that both databases hold."""
    return plain(redact(given))


def plain(given: str) -> str:
    """Return a text as Unicode that both databases hold: no NUL, no half of a surrogate pair."""
    if given.isascii():
        return given.replace("\0", "␀") if "\0" in given else given
    try:
        given.encode()
    except UnicodeEncodeError:
        count("audit.value.coerced")
        given = given.encode("utf-8", "backslashreplace").decode()
    return given.replace("\0", "␀") if "\0" in given else given


def without_nul(given: Any) -> Any:
    """Return a JSON value with ``␀`` in the place of each NUL."""
    if isinstance(given, str):
        return plain(given)
    if isinstance(given, list):
        return [without_nul(item) for item in given]
    if isinstance(given, dict):
        return {plain(key): without_nul(value) for key, value in given.items()}
    return given


class _Room:
    """What is left for a value: objects that point at one another are told once for each way that leads to them.

    Without it, twenty of them with a parent would keep the caller busy for a minute, only to be refused then.
    """

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = 2 * LONGEST  # what stays, and what is held privately

    def take(self, size: int) -> None:
        """Take the characters that JSON needs at least."""
        self._left -= size
        if self._left < 0:
            raise EntryRefused(
                f"details take more than {2 * LONGEST} bytes as JSON; at most {LONGEST} are kept"
            )

    def holds(self, made: str) -> str:
        """Take what a text needs, and return it."""
        self._left -= len(made)
        if self._left < 0:
            self.take(0)
        return made


def cleaned(given: object, room: _Room, depth: int = 0) -> Any:
    """Return *given* as what JSON can say; cycles end at a depth.

    Raises:
        EntryRefused: There is no room for it.
    """
    kind = type(given)
    if kind is str:
        return room.holds(text(given))  # type: ignore[arg-type]
    if given is None or kind is bool:
        return given
    if isinstance(given, int) and kind is not bool:
        return _whole(int(given))
    if isinstance(given, float):
        return float(given) if math.isfinite(given) else _coerced(str(float(given)))
    if depth >= _DEPTH:
        return _coerced("…")
    if kind is dict or isinstance(given, Mapping):
        return _object(given, room, depth)  # type: ignore[arg-type]
    if isinstance(given, (list, tuple, AbstractSet)):
        try:
            items = list(given)
        except RuntimeError:  # another thread changes it
            return _coerced("<changed while it was read>")
        room.take(_LEAST * len(items))
        return [cleaned(item, room, depth + 1) for item in items]
    if isinstance(given, (bytes, bytearray, memoryview)):
        return room.holds(_coerced(bytes(given).hex()))
    if isinstance(given, (date, time)):
        return given.isoformat()
    return room.holds(_coerced(str(given) if isinstance(given, (str, timedelta)) else _shown(given)))


def _object(given: Mapping[Any, object], room: _Room, depth: int) -> Any:
    made: dict[str, Any] = {}
    try:
        pairs = list(given.items())
    except RuntimeError:  # another thread changes it
        return _coerced("<changed while it was read>")
    room.take(_LEAST * len(pairs))
    for key, value in pairs:
        name = plain(key if type(key) is str else _shown(key))
        if is_secret(name):
            count("audit.value.redacted")
            made[name] = MARK
        elif (kind := type(value)) is str:
            made[name] = room.holds(text(value))  # type: ignore[arg-type]
        elif value is None or kind is bool or (kind is int and -_INT64 <= value < _INT64):  # type: ignore[operator]
            made[name] = value
        else:
            made[name] = cleaned(value, room, depth + 1)
    return made


def _whole(given: int) -> int | str:
    if -_INT64 <= given < _INT64 or given.bit_length() <= _BITS:
        return given
    return _coerced(f"<int of {given.bit_length()} bits>")


def _shown(given: object) -> str:
    try:
        return str(given)
    except Exception as error:  # whatever the user's __str__ does, an entry is made
        return f"<{type(given).__name__} whose text raised {type(error).__name__}>"


def _coerced(made: str) -> str:
    count("audit.value.coerced")
    return text(made)
