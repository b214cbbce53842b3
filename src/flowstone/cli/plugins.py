"""``flowstone plugins``: who listens, and a new one to begin with."""

from __future__ import annotations

from dataclasses import asdict

import click
import orjson

from flowstone.cli.scaffold import new
from flowstone.runtime import engine


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_context
def plugins(context: click.Context, as_json: bool) -> None:
    """List the plugins with their state; exit code 1 if one failed or is quarantined."""
    if context.invoked_subcommand is None:
        _show(as_json)


plugins.add_command(new)


def _show(as_json: bool) -> None:
    infos = engine.for_reading().plugins.infos()
    if as_json:
        click.echo(orjson.dumps([asdict(info) for info in infos], option=orjson.OPT_INDENT_2).decode())
    elif not infos:
        click.echo("no plugins installed; try: pip install 'flowstone[console]'")
    else:
        width = max(len(info.name) for info in infos)
        for info in infos:
            click.echo(
                f"{info.name:<{width}}  {info.version or '-':<8}  {info.state:<11}  {', '.join(info.hooks)}"
            )
            if info.problem:
                click.echo(f"{'':<{width}}  {info.problem}")
    if any(info.state in ("failed", "quarantined") for info in infos):
        raise SystemExit(1)
