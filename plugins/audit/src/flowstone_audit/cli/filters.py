"""The options by which commands select entries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import click

from flowstone_audit.cli.moments import Moment
from flowstone_audit.selection import Filters

F = TypeVar("F", bound=Callable[..., Any])

SEQ: Final = click.IntRange(0, (1 << 63) - 1)
"""A number of an entry."""

_OPTIONS: Final = (
    click.option(
        "--event", "event_type", metavar="TYPE", help="Only this event type; run.* for all of runs."
    ),
    click.option("--actor", "actor_id", metavar="ID", help="Only what this actor did."),
    click.option(
        "--actor-type", type=click.Choice(["system", "user", "api"]), help="Only what such actors did."
    ),
    click.option("--resource", metavar="TYPE:ID", help="Only what was done to this."),
    click.option("--asset", metavar="NAME", help="Only what was done to this asset."),
    click.option("--action", metavar="WORD", help="Only this action."),
    click.option(
        "--outcome",
        type=click.Choice(["started", "success", "failure", "denied"]),
        help="Only what ended like this.",
    ),
    click.option("--correlation", "correlation_id", metavar="ID", help="Only under this correlation id."),
    click.option("--trace", "trace_id", metavar="ID", help="Only of this trace."),
    click.option("--run", "run_id", metavar="ID", help="Only of this run."),
    click.option("--since", type=Moment(), help="Only what happened since: 2025-01-15T08:30+00:00 or 24h."),
    click.option("--until", type=Moment(), help="Only what happened before."),
)


def filter_options(function: F) -> F:
    """Add the options of all filters to a command; `chosen` makes filters of them."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def chosen(given: dict[str, Any]) -> Filters:
    """Return the filters of a command's parameters.

    Raises:
        click.UsageError: A resource has no type, or is given beside an asset.
    """
    if given.get("resource") is not None:
        if given.get("asset") is not None:
            raise click.UsageError("give --resource or --asset; an asset is the resource asset:NAME")
        kind, colon, id = given["resource"].partition(":")
        if not (kind and colon and id):
            raise click.UsageError(f"--resource is {given['resource']!r}; write TYPE:ID, such as run:r1")
        given["resource"] = (kind, id)
    if given.get("trace_id") is not None:
        given["trace_id"] = given["trace_id"].lower().replace("-", "")
    found = {name: given[name] for name in Filters.__annotations__ if name in given}
    return cast(Filters, found)
