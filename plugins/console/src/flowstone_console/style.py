"""How rows look: guides, signs and colours, or none of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import click

from flowstone.plugin import terminal
from flowstone_console.model import State

_COLOURS: Final[Mapping[str, str]] = {
    "success": "green",
    "skip": "bright_black",
    "running": "cyan",
    "cancellation": "yellow",
    "timeout": "red",
    "failure": "red",
    "error": "red",
    "abandoned": "magenta",
    "dim": "bright_black",
    "mark": "yellow",
}
_SIGNS: Final[Mapping[State, tuple[str, str]]] = {
    "success": ("✔", "+"),
    "skip": ("○", "-"),
    "running": ("▸", ">"),
    "cancellation": ("⊘", "x"),
    "timeout": ("✘", "x"),
    "failure": ("✘", "x"),
    "error": ("✘", "x"),
    "abandoned": ("†", "?"),
}

Span = tuple[str, str]
"""Text and the name of its colour; no name for the terminal's own."""

Guides = tuple[str, str, str, str]
"""What stands before a child, before the last one, under a child, under the last one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """What the output may use.

    Attributes:
        columns: Width of the output.
        colour: Whether colours may be used.
        ascii: Whether only ASCII may be used.
    """

    columns: int = 100
    colour: bool = False
    ascii: bool = False

    def sign(self, state: State) -> str:
        """Return the sign of a state; its word stands beside it, so that colour carries nothing alone."""
        return _SIGNS.get(state, ("?", "?"))[self.ascii]

    @property
    def guides(self) -> Guides:
        """The lines of the tree."""
        return ("|- ", "`- ", "|  ", "   ") if self.ascii else ("├─ ", "└─ ", "│  ", "   ")

    @property
    def dot(self) -> str:
        """What stands before a point."""
        return "*" if self.ascii else "·"

    @property
    def between(self) -> str:
        """What stands between two facts."""
        return " | " if self.ascii else " · "

    def row(self, left: list[Span], right: str = "") -> str:
        """Return one line: *left* clipped to the room there is, *right* at the right edge."""
        room = self.columns - (terminal.width(right) + 1 if right else 0)
        parts: list[str] = []
        for text, name in left:
            shown = terminal.clip(self.plain(text), max(0, room), "~" if self.ascii else "…")
            room -= terminal.width(shown)
            parts.append(self.paint(shown, name))
        if right:
            parts.append(" " * (max(0, room) + 1) + self.plain(right))
        return "".join(parts).rstrip()

    def plain(self, text: str) -> str:
        """Return *text* in the characters that may be used."""
        return text.encode("ascii", "backslashreplace").decode("ascii") if self.ascii else text

    def paint(self, text: str, name: str) -> str:
        """Return *text* in the colour called *name*."""
        if not self.colour or not name or not text:
            return text
        return click.style(text, fg=_COLOURS.get(name), bold=name in {"failure", "error", "abandoned"})
