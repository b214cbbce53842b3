"""Files that commands write: there as a whole or not at all."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click


def a_file(context: click.Context, parameter: click.Parameter, output: Path | None) -> Path | None:
    """Refuse ``-``: what is there as a whole or not at all is no stream."""
    if output is not None and str(output) == "-":
        raise click.BadParameter(
            "name a file; it is there as a whole or not at all, which standard output cannot be"
        )
    return output


@contextmanager
def draft(output: Path, *, force: bool) -> Iterator[Path]:
    """Yield a file beside *output* that takes its place at the end, if it was written.

    Each has a name of its own: two that write to the same place at a time must not disturb each other.

    Raises:
        FileExistsError: *output* is there, and *force* is false.
    """
    if output.exists() and not force:
        raise FileExistsError(f"{output} is there already; --force writes over it")
    made = output.with_name(f".{output.name}.{secrets.token_hex(4)}.part")
    try:
        yield made
        if made.exists() and made.stat().st_size:
            made.replace(output)
    finally:
        made.unlink(missing_ok=True)
