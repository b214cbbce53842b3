"""The command ``flowstone dagster``, also ``python -m flowstone_dagster``."""

from __future__ import annotations

import json
import sys
from typing import Final

import click

from flowstone_dagster import names, pth
from flowstone_dagster.switch import VARIABLE, switched_on

_DONE: Final = {"written": "wrote", "removed": "removed"}


@click.group("dagster")
def dagster() -> None:
    """Look after the Dagster adapter."""


@dagster.command("pth")
@click.option("--install", "action", flag_value="install", help="Write the file (editable installs need it).")
@click.option("--remove", "action", flag_value="remove", help="Remove the file.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def pth_file(action: str | None, as_json: bool) -> None:
    """Tell whether the .pth file is in this environment, write it, or remove it."""
    place = pth.target()
    try:
        if action == "install":
            place, state = pth.write(), "written"
        elif action == "remove":
            state = "removed" if pth.remove() else "missing"
        else:
            state = "there" if place.exists() else "missing"
    except OSError as error:
        raise click.ClickException(f"cannot change {place}: {error.strerror}") from error
    if as_json:
        _show({"file": str(place), "state": state})
    elif action == "remove" and state == "missing":
        click.echo(f"not there: {place}")
    else:
        click.echo(f"{place}: {state}" if action is None else f"{_DONE[state]} {place}")


@dagster.command("seams")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def seam_list(as_json: bool) -> None:
    """List the names of Dagster that the adapter needs; fails if one that it patches is missing."""
    seams = [(name, name.found()) for name in (*names.SEAMS, *names.READS)]
    if as_json:
        rows = [
            {"name": f"{name.module}.{name.path}", "found": found, "without": name.without}
            for name, found in seams
        ]
        _show({"switched_on": switched_on(), "ok": not names.missing(), "names": rows})
    else:
        click.echo(f"{VARIABLE} is {'on' if switched_on() else 'off'}")
        for name, found in seams:
            told = "" if found else f"  without it: {name.without}"
            click.echo(f"{'found  ' if found else 'MISSING'}  {name.module}.{name.path}{told}")
    sys.exit(1 if names.missing() else 0)


def _show(document: dict[str, object]) -> None:
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))
