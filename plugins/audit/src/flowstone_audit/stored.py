"""Rows of the table made again what their writers and the database gave: with bytes, and Unix microseconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from flowstone_audit.columns import to_microseconds
from flowstone_audit.entry import FIELDS, AuditEntry
from flowstone_audit.row import Row, Stored
from flowstone_audit.tables import log

_PLACES: Final = {column.name: at for at, column in enumerate(log.c)}
_OCCURRED: Final = _PLACES["occurred_at"]
_OF_ROW: Final = tuple(_PLACES[name] for name in Row._fields)


def of_row(values: Sequence[Any]) -> Stored:
    """Return what a row of ``select(tables.log)`` was made of."""
    row = Row._make(values[at] for at in _OF_ROW)
    row = row._replace(id=bytes.fromhex(str(row.id)), occurred_at=to_microseconds(values[_OCCURRED]))
    return Stored(values[_PLACES["seq"]], to_microseconds(values[_PLACES["inserted_at"]]), row)


def of_entry(entry: AuditEntry) -> Stored:
    """Return what an entry that is in the database was made of."""
    return of_row([getattr(entry, name) for name in FIELDS])
