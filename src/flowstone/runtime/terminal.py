"""What commands need of a terminal: what it can show, and text in which nothing steers it and whose width is known."""

from __future__ import annotations

import os
import shutil
import sys
import unicodedata
from typing import Final

_STEERING: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Control, format (also what turns the direction), surrogate, private, unassigned, line and paragraph ends."""


def columns(given: int | None = None) -> int:
    """Return the columns of the output: *given*, else the terminal's, 100 where there is none."""
    return given or max(20, shutil.get_terminal_size((100, 24)).columns)


def has_colour() -> bool:
    """Tell whether the standard output may be coloured; ``NO_COLOR`` and a dumb terminal say no."""
    may = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    return may and os.environ.get("TERM") != "dumb"


def can_show(signs: str) -> bool:
    """Tell whether the encoding of the standard output has all of *signs*."""
    try:
        signs.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


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
    """Return *text* cut to *columns*, with *mark* where something is missing."""
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
