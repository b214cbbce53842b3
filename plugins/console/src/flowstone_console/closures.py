"""Writing down, once, that work was abandoned: done by the next process that writes to the store."""

from __future__ import annotations

import sqlite3
import time
from typing import Final

from flowstone.plugin import Event, Process, count, decode
from flowstone_console.abandoned import Moments, closing
from flowstone_console.inserting import insert
from flowstone_console.processes import Judge
from flowstone_console.rows import leg_of, rows_of, split
from flowstone_console.store import Store

_WAIT: Final = 0.05
_BUDGET: Final = 0.1
_MAX_PROCESSES: Final = 512
_MAX_SPANS: Final = 512
_MAX_ROWS: Final = 500

_PROCESSES: Final = "SELECT DISTINCT host, boot_id, pid, start_time FROM open_spans WHERE host = ? LIMIT ?"
_SPANS: Final = "SELECT trace, span_id FROM open_spans WHERE host = ? AND boot_id = ? AND pid = ? AND start_time = ? LIMIT ?"
_NEWEST: Final = "SELECT body FROM events WHERE trace = ? ORDER BY seq DESC LIMIT ?"
_OF_SPAN: Final = "SELECT body FROM events WHERE trace = ? AND instr(body, ?)"


def close_abandoned(store: Store, judge: Judge | None = None, *, budget: float = _BUDGET) -> int:
    """Append an end to every start of this host whose process is gone; return how many.

    Whoever takes a start out of ``open_spans`` writes its end in the same transaction, so it is written once.
    What is not done within *budget* seconds is left to the next call.
    """
    whose = judge or Judge()
    deadline = time.monotonic() + budget
    spans = store.transact(lambda connection: _orphaned(connection, whose), _WAIT)
    closed = 0
    for trace, span_ids in spans.items():
        closed += store.transact(
            lambda connection, trace=trace, span_ids=span_ids: _close(connection, trace, span_ids),  # type: ignore[misc]
            _WAIT,
        )
        if time.monotonic() >= deadline:
            break
    if closed:
        count("store.abandoned", closed)
    return closed


def _orphaned(connection: sqlite3.Connection, judge: Judge) -> dict[int, list[str]]:
    """Return the open spans of dead processes, by trace."""
    found: dict[int, list[str]] = {}
    for row in connection.execute(_PROCESSES, (judge.here.host, _MAX_PROCESSES)).fetchall():
        host, boot, pid, start = row
        if judge.is_gone(Process(host=host, boot_id=boot, pid=pid, start_time=start), 0):
            for trace, span_id in connection.execute(_SPANS, (*row, _MAX_SPANS)):
                found.setdefault(int(trace), []).append(str(span_id))
    return found


def _close(connection: sqlite3.Connection, trace: int, span_ids: list[str]) -> int:
    """Close the spans of one trace."""
    moments: Moments | None = None
    ends: list[Event] = []
    for span_id in span_ids:
        taken = connection.execute(
            "DELETE FROM open_spans WHERE trace = ? AND span_id = ?", (trace, span_id)
        ).rowcount
        start = _open_start(connection, trace, span_id) if taken else None
        if start is None:
            continue
        if moments is None:
            newest = connection.execute(_NEWEST, (trace, _MAX_ROWS))
            moments = Moments(_events(newest.fetchall()))
        end = closing(start, moments.last(start))
        if end is not None:
            ends.append(end)
    if ends:
        insert(connection, [rows_of(ends)])
    return len(ends)


def _open_start(connection: sqlite3.Connection, trace: int, span_id: str) -> Event | None:
    """Return the start of a span, unless an end is there that came before its start."""
    bodies = connection.execute(_OF_SPAN, (trace, span_id.encode())).fetchall()
    own = [event for event in _events(bodies) if event.span_id == span_id]
    if any(leg_of(event) == "end" for event in own):
        return None
    return next((event for event in own if leg_of(event) == "start"), None)


def _events(rows: list[tuple[bytes]]) -> list[Event]:
    return [decode(line) for (body,) in rows for line in split(body)]
