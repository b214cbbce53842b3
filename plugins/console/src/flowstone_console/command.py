"""``flowstone trace``: everything that happened under an id, from the store on this machine."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import click

from flowstone.plugin import terminal
from flowstone_console import table, tree_text
from flowstone_console.config import load
from flowstone_console.document import recent_json, timeline_json
from flowstone_console.leftovers import bring_in
from flowstone_console.lookup import AmbiguousError, NotFoundError
from flowstone_console.reader import Reader
from flowstone_console.schema import StoreError
from flowstone_console.style import Style

FAILED: Final = 1
UNUSABLE: Final = 2
NOT_FOUND: Final = 3
AMBIGUOUS: Final = 4
_SHOWN: Final = 20


@click.command("trace")
@click.argument("id", required=False)
@click.option("--last", is_flag=True, help="Show the newest trace.")
@click.option("--list", "listing", is_flag=True, help="List recent traces.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), help="Most to list.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--events", is_flag=True, help="Show every event below the tree.")
@click.option("--width", type=click.IntRange(20, 1000), help="Columns; the terminal's if not given.")
@click.option("--no-color", is_flag=True, help="Use no colours; NO_COLOR does the same.")
@click.option("--ascii", "only_ascii", is_flag=True, help="Use ASCII only.")
@click.pass_context
def trace(
    context: click.Context,
    id: str | None,
    *,
    last: bool,
    listing: bool,
    limit: int,
    as_json: bool,
    events: bool,
    width: int | None,
    no_color: bool,
    only_ascii: bool,
) -> None:
    """Show what happened under ID: a correlation id, trace id or run id, or the first characters of one.

    Exit status: 0, 1 the run failed, 2 wrong usage or no usable store, 3 nothing found, 4 several ids begin like that.
    """
    if (id is not None) + last + listing != 1:
        raise click.UsageError("give an ID, or one of --last and --list")
    style = _style(width, no_color, only_ascii)
    try:
        with Reader(_place()) as reader:
            if listing:
                recent = reader.recent(limit)
                _print([recent_json(recent)] if as_json else table.lines(recent, style), style)
                _note_unlisted(reader.unlisted())
                return
            timeline = reader.last() if id is None else reader.timeline(id)
    except NotFoundError as error:
        _fail(context, f"{error.args[0]}; list recent traces with: flowstone trace --list", NOT_FOUND)
    except AmbiguousError as error:
        _fail(context, "\n".join([f"{error.args[0]}:", *_candidates(error)]), AMBIGUOUS)
    except (StoreError, ValueError, OSError) as error:
        _fail(context, str(error), NOT_FOUND if _is_missing(error) else UNUSABLE)
    else:
        document = [timeline_json(timeline, events=events)] if as_json else None
        _print(document or tree_text.lines(timeline, style, events=events), style)
        context.exit(FAILED if timeline.failed else 0)


def _place() -> Path:
    """Return where the store is, with what was left beside it brought in."""
    path = load().path
    if path is None:
        raise StoreError("the trace store is switched off (FLOWSTONE_STORE_URL=off)")
    bring_in(path)
    return path


def _style(columns: int | None, no_color: bool, only_ascii: bool) -> Style:
    return Style(
        columns=terminal.columns(columns),
        colour=not no_color and terminal.has_colour(),
        ascii=only_ascii or not terminal.can_show("✔├─└│▸○⊘✘†·…µ"),
    )


def _print(lines: Iterable[str], style: Style) -> None:
    for line in lines:
        click.echo(line, color=style.colour)


def _note_unlisted(count: int) -> None:
    if count:
        whose = "trace is not listed: its row" if count == 1 else "traces are not listed: their rows"
        click.echo(f"{count} {whose} in the store cannot be read", err=True)


def _candidates(error: AmbiguousError) -> list[str]:
    lines = [
        f"  {match.kind:<15} {terminal.clip(terminal.escape(match.key), 128)}"
        for match in error.candidates[:_SHOWN]
    ]
    if len(error.candidates) > _SHOWN:
        lines.append(f"  and {len(error.candidates) - _SHOWN} more")
    return lines


def _fail(context: click.Context, message: str, code: int) -> None:
    click.echo(message, err=True)
    context.exit(code)


def _is_missing(error: Exception) -> bool:
    return isinstance(error, StoreError) and "yet" in str(error)
