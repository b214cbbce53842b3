"""``flowstone quality``: the same check, of a file."""

from __future__ import annotations

from pathlib import Path

import click

import flowstone
from flowstone.plugin import emit
from flowstone_quality.events import QualityChecked
from flowstone_quality.judge import minimum


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def quality(file: Path) -> None:
    """Count the lines of FILE behind its header; exit code 1 if there are too few."""
    with file.open("rb") as lines:
        rows = max(sum(1 for _ in lines) - 1, 0)
    least = minimum()
    emit(QualityChecked, asset=file.name, rows=rows, minimum=least, passed=rows >= least)
    flowstone.flush(timeout=2.0)
    click.echo(f"{file.name}: {rows} rows, at least {least} wanted")
    if rows < least:
        raise SystemExit(1)
