"""``flowstone events``: what can be told."""

from __future__ import annotations

from dataclasses import fields

import click
import orjson

from flowstone.catalogue import names
from flowstone.catalogue.registry import name_of
from flowstone.runtime import engine


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def events(as_json: bool) -> None:
    """List the events of the catalogue, those of plugins included."""
    rows = [
        {
            "name": name_of(cls),
            "class": cls.__name__,
            "hook": names.hook_of_name(name_of(cls)),
            "summary": (cls.__doc__ or "").strip().splitlines()[0],
            "fields": [field.name for field in fields(cls)],
        }
        for cls in engine.for_reading().plugins.catalogue
    ]
    if as_json:
        click.echo(orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode())
        return
    width = max(len(str(row["name"])) for row in rows)
    for row in rows:
        click.echo(f"{row['name']:<{width}}  {row['summary']}")
