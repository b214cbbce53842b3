"""``flowstone tail``: what happens, while it happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Final

import click

from flowstone_pubsub import config
from flowstone_pubsub.bus import Bus, Since
from flowstone_pubsub.cli.lines import as_json, as_text
from flowstone_pubsub.engines.base import EngineDown
from flowstone_pubsub.engines.opening import open_engine
from flowstone_pubsub.topics import EVERYTHING

UNUSABLE: Final = 2
_LOOK_S: Final = 0.5
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_LONGEST_S: Final = 10**9


def _place(context: click.Context, parameter: click.Parameter, value: str | None) -> Since:
    """Return the place in the log that ``--since`` names."""
    if value is None:
        return None
    text = value.strip().lower()
    number, unit = (text, "") if text.isdigit() else (text[:-1], text[-1:])
    if text == "earliest":
        return "earliest"
    if not (number.isascii() and number.isdigit() and len(number) < 16):
        raise click.BadParameter(f"{text[:40]!r} is no number, no age such as 10m, and not 'earliest'")
    if not unit:
        return int(number)
    if unit not in _SECONDS:
        raise click.BadParameter("the unit of an age is s, m, h or d")
    return timedelta(seconds=min(int(number) * _SECONDS[unit], _LONGEST_S))


@click.command("tail")
@click.argument("topics", metavar="[TOPIC]...", nargs=-1)
@click.option(
    "--since",
    callback=_place,
    metavar="SEQ|earliest|AGE",
    help="Where to begin: behind a number, or 10m ago.",
)
@click.option("--json", "json_lines", is_flag=True, help="Print one JSON document per line.")
@click.option("--limit", type=click.IntRange(1), help="End after so many lines.")
@click.option("--engine", metavar="URL", help="The log; FLOWSTONE_PUBSUB_URL if not given.")
@click.pass_context
def tail(
    context: click.Context,
    topics: tuple[str, ...],
    *,
    since: Since,
    json_lines: bool,
    limit: int | None,
    engine: str | None,
) -> None:
    """Show events as they happen, on TOPICs such as materializations, asset:orders or run:*; on all if none is given.

    What is missing is shown in its place. Exit status: 0, 2 wrong usage or a log that cannot be reached.
    """
    try:
        with (
            _bus(engine) as bus,
            bus.subscribe(*(topics or (EVERYTHING,)), since=since, policy="spill") as found,
        ):
            left = limit
            while left is None or left > 0:
                item = found.next_item(_LOOK_S)
                if item is not None:
                    click.echo(as_json(item) if json_lines else as_text(item))
                    left = None if left is None else left - 1
                elif found.closed:
                    break
    except (EngineDown, ValueError, OSError) as error:
        if isinstance(error, BrokenPipeError):
            raise
        click.echo(f"flowstone tail: {error}", err=True)
        context.exit(UNUSABLE)


@contextmanager
def _bus(url: str | None) -> Iterator[Bus]:
    settings = config.load()
    chosen = settings.url if url is None else config.url_of(url)
    if chosen is None:
        raise ValueError("pub/sub is switched off (FLOWSTONE_PUBSUB_URL=off)")
    with closing(Bus(open_engine(chosen, settings.retention))) as bus:
        yield bus
