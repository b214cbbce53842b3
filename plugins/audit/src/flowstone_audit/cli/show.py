"""``flowstone audit show``: one entry with everything it holds."""

from __future__ import annotations

import click

from flowstone_audit import lookup
from flowstone_audit.cli import table
from flowstone_audit.cli.look import look_options
from flowstone_audit.cli.output import AMBIGUOUS, fail, failing, show_json, style
from flowstone_audit.cli.output import show as show_lines


@click.command("show")
@click.argument("id")
@look_options
def show(id: str, *, as_json: bool, width: int | None, no_color: bool, only_ascii: bool) -> None:
    """Show the entry ID: its id, the first 8 characters of it or more, or its number (seq).

    Exit status: 0, 2 wrong usage or no usable database, 3 nothing found, 4 several ids begin like that.
    """
    look = style(width, no_color=no_color, only_ascii=only_ascii)
    with failing():
        found = list(lookup.like(id))
        if len(found) > 1:
            candidates = "".join(f"\n  {each.id} {look.plain(each.event_type)}" for each in found)
            click.echo(f"several ids begin with {look.plain(id)}:{candidates}", err=True)
            fail("give more of it", AMBIGUOUS)
        if as_json:
            show_json(found[0].to_dict())
        else:
            show_lines(table.full(found[0], look), look)
