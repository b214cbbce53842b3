"""Rows into the store in few statements.

Each statement lets go of the interpreter, and beside code that keeps it busy comes back 5 ms later. So what
several batches gathered is written as one, and many rows go into one statement.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from flowstone_console.rows import Rows

_MOST: Final = 64  # of ten values: a statement may have 999
_EVENTS: Final = "INSERT INTO events (trace, body) VALUES {}"
_LOOKUPS: Final = "INSERT OR IGNORE INTO lookups (key, kind, trace) VALUES {}"
_CLOSED: Final = "DELETE FROM open_spans WHERE {}"
_IS_CLOSED: Final = "(trace, span_id) = (?, ?)"  # with IN a list SQLite looks at every row
_OPENED: Final = "INSERT OR IGNORE INTO open_spans (trace, span_id, host, boot_id, pid, start_time) VALUES {}"
_TRACES: Final = """
INSERT INTO traces
    (id, trace_id, run_id, correlation_id, pipeline, orchestrator, first_time, last_time, status, end_time)
VALUES {}
ON CONFLICT (id) DO UPDATE SET
    run_id = CASE run_id WHEN '' THEN excluded.run_id ELSE run_id END,
    correlation_id = CASE correlation_id WHEN '' THEN excluded.correlation_id ELSE correlation_id END,
    pipeline = CASE pipeline WHEN '' THEN excluded.pipeline ELSE pipeline END,
    first_time = min(first_time, excluded.first_time),
    last_time = max(last_time, excluded.last_time),
    status = CASE
        WHEN excluded.end_time > end_time THEN excluded.status
        WHEN excluded.end_time = end_time AND excluded.status != '' THEN excluded.status
        ELSE status END,
    end_time = max(end_time, excluded.end_time)
"""


def insert(connection: sqlite3.Connection, batches: Sequence[Rows]) -> None:
    """Write the rows of batches, in their order; the caller holds the transaction."""
    rows = together(batches)
    _write(connection, _EVENTS, rows.events)
    _write(connection, _TRACES, rows.traces)
    _write(connection, _LOOKUPS, list(dict.fromkeys(rows.lookups)))
    _write(connection, _CLOSED, rows.closed, _IS_CLOSED, " OR ")
    opened = [(*key, its.host, its.boot_id, its.pid, its.start_time) for key, its in rows.opened.items()]
    _write(connection, _OPENED, opened)


def together(batches: Sequence[Rows]) -> Rows:
    """Return what batches write, one after the other, as one: what was opened and closed is neither."""
    made, bodies = Rows(sum(rows.count for rows in batches)), dict[int, list[bytes]]()
    for rows in batches:
        for trace, body in rows.events:
            bodies.setdefault(trace, []).append(body)
        made.traces += rows.traces
        made.lookups += rows.lookups
        made.closed += [span for span in rows.closed if made.opened.pop(span, None) is None]
        made.opened.update(rows.opened)
    made.events = [(trace, b"\n".join(found)) for trace, found in bodies.items()]
    return made


def _write(
    connection: sqlite3.Connection,
    statement: str,
    rows: Sequence[tuple[Any, ...]],
    one: str = "",
    between: str = ", ",
) -> None:
    """Write rows; *one* is what a statement says of each, by default their values."""
    at = 0
    while at < len(rows):
        # Powers of two, so that there are few statements to keep.
        count = min(1 << (len(rows) - at).bit_length() - 1, _MOST)
        values = [value for row in rows[at : at + count] for value in row]
        each = one or f"({', '.join('?' * len(rows[at]))})"
        connection.execute(_filled(statement, each, between, count), values)
        at += count


@lru_cache(maxsize=64)
def _filled(statement: str, one: str, between: str, rows: int) -> str:
    return statement.format(between.join([one] * rows))
