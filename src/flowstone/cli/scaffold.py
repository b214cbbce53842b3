"""``flowstone plugins new``: a distribution to begin with."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import click
import orjson

from flowstone.cli.scaffold_files import files
from flowstone.runtime import engine

_OURS: Final = frozenset({"audit", "console", "dagster", "health", "otel", "pubsub", "demo", "tail", "trace"})
"""Plugins and commands of our own, installed or not."""

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*")


@click.command()
@click.argument("name")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Where the distribution's folder is made; here if not given.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_context
def new(context: click.Context, name: str, folder: Path, as_json: bool) -> None:
    """Write a new plugin NAME: a distribution flowstone-NAME, with a listener, a command and tests."""
    name = name.removeprefix("flowstone-")
    if not _NAME.fullmatch(name):
        raise click.BadParameter(
            f"{name!r} must be words of lower-case letters and digits, joined by hyphens, such as row-counts",
            param_hint="NAME",
        )
    if why := _taken(context, name):
        raise click.BadParameter(f"{name!r} is taken: {why}; choose another name", param_hint="NAME")
    target = folder / f"flowstone-{name}"
    made = files(name)
    try:
        target.mkdir(parents=True)
        for path, text in made.items():
            place = target / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
    except FileExistsError as error:
        raise click.ClickException(f"{target} exists; nothing was written") from error
    except OSError as error:
        raise click.ClickException(f"cannot write {target}: {error}") from error
    if as_json:
        document = {"plugin": name, "folder": str(target), "files": sorted(map(str, made))}
        click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
        return
    click.echo(f"wrote {target}")
    click.echo(f"try it: pip install -e {target} && flowstone {name}")


def _taken(context: click.Context, name: str) -> str:
    """Return who has the name of a plugin, its command or its package; empty for nobody."""
    if name in _OURS:
        return "flowstone itself has a plugin or a command of that name"
    if name in {info.name for info in engine.for_reading().plugins.infos()}:
        return "a plugin of that name is installed"
    commands = context.find_root().command
    if isinstance(commands, click.Group) and name in commands.list_commands(context):
        return "there is a command of that name"
    package = f"flowstone_{name.replace('-', '_')}"
    return f"there is a package {package}" if find_spec(package) is not None else ""
