"""How the commands print and fail: exit codes, colours, and text that cannot steer the terminal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import click
import orjson
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from flowstone.plugin import terminal
from flowstone_audit.engines import reason_of
from flowstone_audit.errors import AuditError, NotFound

UNUSABLE: Final = 2
NOT_FOUND: Final = 3
AMBIGUOUS: Final = 4

_COLOURS: Final[Mapping[str, str]] = {
    "success": "green",
    "started": "cyan",
    "failure": "red",
    "denied": "yellow",
    "dim": "bright_black",
    "mark": "yellow",
}
_SIGNS: Final[Mapping[str, tuple[str, str]]] = {
    "success": ("✔", "+"),
    "started": ("▸", ">"),
    "failure": ("✘", "x"),
    "denied": ("⊘", "!"),
}

Cell = tuple[str, str]
"""Text and the name of its colour; no name for the terminal's own."""


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

    def sign(self, outcome: str) -> str:
        """Return the sign of an outcome; its word stands beside it, so that colour carries nothing alone."""
        return _SIGNS.get(outcome, ("·", "."))[self.ascii]

    @property
    def mark(self) -> str:
        """What stands where something was cut."""
        return "~" if self.ascii else "…"

    def plain(self, text: str) -> str:
        """Return *text* with nothing in it that steers, in the characters that may be used."""
        shown = terminal.escape(text)
        return shown.encode("ascii", "backslashreplace").decode("ascii") if self.ascii else shown

    def row(self, cells: Iterable[Cell], widths: Iterable[int]) -> str:
        """Return one line of cells that are plain, each filled up to its width."""
        parts = [
            self.paint(text, name) + " " * (columns - terminal.width(text) + 2)
            for (text, name), columns in zip(cells, widths, strict=True)
        ]
        return "".join(parts).rstrip()

    def paint(self, text: str, name: str) -> str:
        """Return *text* in the colour called *name*."""
        if not self.colour or not name or not text:
            return text
        return click.style(text, fg=_COLOURS.get(name), bold=name == "failure")


def style(columns: int | None = None, *, no_color: bool = False, only_ascii: bool = False) -> Style:
    """Return what the standard output may use."""
    return Style(
        columns=terminal.columns(columns),
        colour=not no_color and terminal.has_colour(),
        ascii=only_ascii or not terminal.can_show("✔▸✘⊘·…µ"),
    )


def show(lines: Iterable[str], look: Style) -> None:
    """Print lines."""
    for line in lines:
        click.echo(line, color=look.colour)


def show_json(document: Any) -> None:
    """Print one JSON document."""
    click.echo(json_text(document))


def json_text(document: Any) -> str:
    """Return *document* as indented JSON, ASCII alone; whole numbers of any size stay whole."""
    return json.dumps(document, indent=2)


def fail(message: str, code: int) -> NoReturn:
    """End the command with a message on the standard error."""
    click.echo(terminal.escape(message), err=True)
    raise click.exceptions.Exit(code)


@contextmanager
def failing() -> Iterator[None]:
    """Turn what the audit log cannot do into a message and an exit code: 3 where nothing was found, else 2.

    A reader that went away is told nothing; see `group.Commands`.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except NotFound as error:
        fail(str(error), NOT_FOUND)
    except DBAPIError as error:
        fail(f"the database refused: {reason_of(error)}", UNUSABLE)
    except (AuditError, ValueError, OSError, SQLAlchemyError) as error:
        fail(str(error), UNUSABLE)


def line_of(document: Any) -> bytes:
    """Return *document* as one line of JSON, UTF-8."""
    try:
        return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # a whole number beyond 64 bit, or half of a surrogate pair that somebody put in
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", "backslashreplace") + b"\n"  # as JSON has it, too
