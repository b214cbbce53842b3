"""``flowstone audit log``: entries, newest first."""

from __future__ import annotations

from typing import Any

import click

from flowstone_audit import queries
from flowstone_audit.cli import table
from flowstone_audit.cli.filters import SEQ, chosen, filter_options
from flowstone_audit.cli.look import look_options
from flowstone_audit.cli.output import NOT_FOUND, fail, failing, show, show_json, style


@click.command("log")
@filter_options
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="Most to list.")
@click.option("--after", type=SEQ, metavar="SEQ", help="Go on behind this entry: `next` of the page before.")
@click.option("--oldest-first", is_flag=True, help="Begin at the beginning of the log.")
@look_options
def log(
    *,
    limit: int,
    after: int | None,
    oldest_first: bool,
    as_json: bool,
    width: int | None,
    no_color: bool,
    only_ascii: bool,
    **given: Any,
) -> None:
    """List audit entries, newest first.

    Exit status: 0, 2 wrong usage or no usable database, 3 nothing found.
    """
    with failing():
        page = queries.entries(after=after, limit=limit, newest_first=not oldest_first, **chosen(given))
        if as_json:
            show_json({"entries": [entry.to_dict() for entry in page.entries], "next": page.next})
        if not page.entries:
            fail("no audit entry is like that", NOT_FOUND)
        if not as_json:
            show(table.lines(page.entries, style(width, no_color=no_color, only_ascii=only_ascii)), style())
            if page.next is not None:
                click.echo(f"more: --after {page.next}", err=True)
