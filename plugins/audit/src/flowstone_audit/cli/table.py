"""Entries as a table, and one entry in full."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Final

from flowstone.plugin import terminal
from flowstone_audit.cli.moments import full_text, local_text
from flowstone_audit.cli.output import Cell, Style
from flowstone_audit.entry import AuditEntry, object_of, shown

_HEADS: Final = ("seq", "happened", "event", "outcome", "actor", "resource", "correlation")
_WIDEST: Final = (12, 19, 32, 9, 28, 40, 36)


def lines(entries: Sequence[AuditEntry], style: Style) -> Iterator[str]:
    """Yield a heading and a line for each of *entries*; what does not fit the width is cut from the right."""
    rows = [_cells(entry, style) for entry in entries]
    texts = [[text for text, _ in row] for row in rows]
    widths = [max(map(terminal.width, column)) for column in zip(_HEADS, *texts, strict=True)]
    yield from (
        style.row(_fitted(row, widths, style), widths) for row in ([(head, "dim") for head in _HEADS], *rows)
    )


def _cells(entry: AuditEntry, style: Style) -> list[Cell]:
    outcome = entry.outcome or ""
    texts = (
        "-" if entry.seq is None else str(entry.seq),
        local_text(entry.occurred_at),
        entry.event_type,
        f"{style.sign(outcome)} {outcome}" if outcome else entry.action or "-",
        entry.actor_id if entry.actor_type == "system" else f"{entry.actor_type} {entry.actor_id}",
        resource_text(entry),
        entry.correlation_id or "-",
    )
    colours = ("dim", "", "", outcome, "", "", "dim")
    return [
        (terminal.clip(style.plain(text), widest, style.mark), colour)
        for text, widest, colour in zip(texts, _WIDEST, colours, strict=True)
    ]


def _fitted(row: list[Cell], widths: Sequence[int], style: Style) -> list[Cell]:
    """Return the row cut to the columns there are."""
    room, fitted = style.columns, []
    for (text, colour), columns in zip(row, widths, strict=True):
        fitted.append((terminal.clip(text, max(0, room), style.mark), colour))
        room -= columns + 2
    return fitted


def resource_text(entry: AuditEntry) -> str:
    """Return what an entry is about: ``asset:orders``."""
    if entry.resource_type is None:
        return entry.resource_id or "-"
    return entry.resource_type if entry.resource_id is None else f"{entry.resource_type}:{entry.resource_id}"


def full(entry: AuditEntry, style: Style) -> Iterator[str]:
    """Yield an entry with everything it holds, a line each."""
    private = "erased" if entry.erased else None
    values: list[tuple[str, object]] = [
        ("id", entry.id),
        ("seq", entry.seq),
        ("event", entry.event_type),
        ("outcome", entry.outcome),
        ("action", entry.action),
        ("actor", f"{entry.actor_type} {entry.actor_id}"),
        ("resource", resource_text(entry)),
        ("happened", full_text(entry.occurred_at)),
        ("inserted", full_text(entry.inserted_at)),
        ("correlation", entry.correlation_id),
        ("trace", entry.trace_id),
        ("span", entry.span_id),
        ("run", entry.run_id),
        ("client ip", entry.client_ip or private),
        ("user agent", entry.user_agent or private),
        ("writer", f"{entry.writer}, its entry {entry.ordinal}"),
        ("row hash", entry.row_hash.hex()),
        ("commitment", entry.commitment.hex() if entry.commitment is not None else None),
    ]
    for name, value in values:
        if value is not None:
            yield f"{style.paint(f'{name:<12}', 'dim')} {style.plain(str(value))}"
    yield from _object("details", entry.details_text, style)
    if entry.private_text is not None:
        yield from _object("private", entry.private_text, style)


def _object(name: str, held: str, style: Style) -> Iterator[str]:
    found = object_of(held)
    if found is None:
        yield f"{style.paint(f'{name:<12}', 'dim')} no JSON object: somebody has changed it; see: flowstone audit verify"
        found = shown(held)
    else:
        yield style.paint(name, "dim") if found else f"{style.paint(f'{name:<12}', 'dim')} -"
    for key, value in found.items():
        told = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        yield f"  {style.plain(key)}: {style.plain(told)}"
