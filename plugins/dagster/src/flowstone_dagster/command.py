"""The command ``flowstone dagster``, also ``python -m flowstone_dagster``."""

from __future__ import annotations

import sys

import click

from flowstone_dagster import names, pth
from flowstone_dagster.switch import VARIABLE, switched_on


@click.group("dagster")
def dagster() -> None:
    """Look after the Dagster adapter."""


@dagster.command("pth")
@click.option("--install", "action", flag_value="install", help="Write the file (editable installs need it).")
@click.option("--remove", "action", flag_value="remove", help="Remove the file.")
def pth_file(action: str | None) -> None:
    """Tell whether the .pth file is in this environment, write it, or remove it."""
    try:
        if action == "install":
            click.echo(f"wrote {pth.write()}")
        elif action == "remove":
            gone = pth.remove()
            click.echo(f"removed {gone}" if gone else f"not there: {pth.target()}")
        else:
            click.echo(f"{pth.target()}: {'there' if pth.target().exists() else 'missing'}")
    except OSError as error:
        raise click.ClickException(f"cannot change {pth.target()}: {error.strerror}") from error


@dagster.command("seams")
def seam_list() -> None:
    """List the names of Dagster that the adapter needs; fails if one that it patches is missing."""
    click.echo(f"{VARIABLE} is {'on' if switched_on() else 'off'}")
    for name in (*names.SEAMS, *names.READS):
        found = name.found()
        told = "" if found else f"  without it: {name.without}"
        click.echo(f"{'found  ' if found else 'MISSING'}  {name.module}.{name.path}{told}")
    sys.exit(1 if names.missing() else 0)
