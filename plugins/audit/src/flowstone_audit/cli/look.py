"""The options by which commands are told how to print."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS: Final = (
    click.option("--json", "as_json", is_flag=True, help="Print one JSON document."),
    click.option("--width", type=click.IntRange(20, 1000), help="Columns; the terminal's if not given."),
    click.option("--no-color", is_flag=True, help="Use no colours; NO_COLOR does the same."),
    click.option("--ascii", "only_ascii", is_flag=True, help="Use ASCII only."),
)


def look_options(function: F) -> F:
    """Add ``--json``, ``--width``, ``--no-color`` and ``--ascii`` to a command."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function
