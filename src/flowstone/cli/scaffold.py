"""``flowstone plugins new``: a distribution to begin with."""

from __future__ import annotations

import re
from pathlib import Path

import click

from flowstone.cli.scaffold_files import files

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*")


@click.command()
@click.argument("name")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Where the distribution's folder is made; here if not given.",
)
def new(name: str, folder: Path) -> None:
    """Write a new plugin NAME: a distribution flowstone-NAME, with a listener, a command and tests."""
    name = name.removeprefix("flowstone-")
    if not _NAME.fullmatch(name):
        raise click.BadParameter(
            f"{name!r} must be words of lower-case letters and digits, joined by hyphens, such as row-counts",
            param_hint="NAME",
        )
    target = folder / f"flowstone-{name}"
    try:
        target.mkdir(parents=True)
        for path, text in files(name).items():
            place = target / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
    except FileExistsError as error:
        raise click.ClickException(f"{target} exists; nothing was written") from error
    except OSError as error:
        raise click.ClickException(f"cannot write {target}: {error}") from error
    click.echo(f"wrote {target}")
    click.echo(f"try it: pip install -e {target} && flowstone {name}")
