"""Text that may go to a terminal: nothing in it steers, and its width is known."""

from __future__ import annotations

import unicodedata
from typing import Final

_STEERING: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Control, format (also what turns the direction), surrogate, private, unassigned, line and paragraph ends."""


def escape(text: str) -> str:
    r"""Return *text* with everything that steers a terminal written out as ``\x1b`` or ``\u202e``."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_written(each) if unicodedata.category(each) in _STEERING else each for each in text)


def _written(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def width(text: str) -> int:
    """Return how many columns escaped *text* takes."""
    return len(text) if text.isascii() else sum(_columns(each) for each in text)


def clip(text: str, columns: int, mark: str = "…") -> str:
    """Return escaped *text* cut to *columns*, with *mark* where something is missing."""
    if width(text) <= columns:
        return text
    kept: list[str] = []
    room = columns - len(mark)
    for each in text:
        room -= _columns(each)
        if room < 0:
            break
        kept.append(each)
    return "".join(kept) + mark if columns >= len(mark) else ""


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1
