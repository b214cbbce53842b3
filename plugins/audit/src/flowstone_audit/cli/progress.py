"""How far long work is, on the standard error of a terminal; elsewhere nothing."""

from __future__ import annotations

import sys
from time import monotonic
from types import TracebackType
from typing import Final, Self

import click

_EVERY_S: Final = 0.2


class Progress:
    """A line that is written anew a few times a second, and gone at the end.

    Args:
        what: What is counted.
        total: How many there are; None where nobody knows.
    """

    def __init__(self, what: str, total: int | None = None) -> None:
        self._what = what
        self._total = total
        self._count = 0
        self._next = monotonic() + _EVERY_S
        self._shown = False
        self._visible = sys.stderr.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._shown:
            click.echo("\r\x1b[K", nl=False, err=True)

    def step(self, count: int) -> None:
        """Count on."""
        self._count += count
        if not self._visible or monotonic() < self._next:
            return
        self._next = monotonic() + _EVERY_S
        self._shown = True
        share = f" of {self._total:,} ({100 * self._count // self._total} %)" if self._total else ""
        click.echo(f"\r\x1b[K{self._count:,}{share} {self._what}", nl=False, err=True)
