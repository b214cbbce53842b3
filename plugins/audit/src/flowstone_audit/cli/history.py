"""``flowstone audit history``: what happened to one thing, in order."""

from __future__ import annotations

import click

from flowstone_audit import lookup
from flowstone_audit.cli import table
from flowstone_audit.cli.filters import SEQ
from flowstone_audit.cli.look import look_options
from flowstone_audit.cli.output import NOT_FOUND, fail, failing, show, show_json, style


@click.command("history")
@click.argument("resource")
@click.option("--limit", default=200, show_default=True, type=click.IntRange(1, 10_000), help="Most to list.")
@click.option("--before", type=SEQ, metavar="SEQ", help="List what came before this entry.")
@look_options
def history(
    resource: str,
    *,
    limit: int,
    before: int | None,
    as_json: bool,
    width: int | None,
    no_color: bool,
    only_ascii: bool,
) -> None:
    """Show what happened to RESOURCE, oldest first: TYPE:ID, such as run:r1, or the name of an asset.

    Of a long history the end is shown. Exit status: 0, 2 wrong usage or no usable database, 3 nothing found.
    """
    look = style(width, no_color=no_color, only_ascii=only_ascii)
    with failing():
        (kind, id), page = lookup.history_of(resource, before=before, limit=limit)
        found = tuple(reversed(page.entries))
        if as_json:
            listed = [entry.to_dict() for entry in found]
            show_json({"resource": {"type": kind, "id": id}, "entries": listed, "before": page.next})
        if not found:
            fail(f"nothing is known of {resource}", NOT_FOUND)
        if not as_json:
            if page.next is not None:
                click.echo(f"earlier: --before {page.next}", err=True)
            show(table.lines(found, look), look)
