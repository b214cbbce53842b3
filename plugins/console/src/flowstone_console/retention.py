"""Keeping the store small: whole traces go, the oldest first, in steps so short that no writer waits long."""

from __future__ import annotations

import sqlite3
import time
from typing import Final

from flowstone_console.config import Config
from flowstone_console.store import Store

_STEP: Final = 32
_BUDGET: Final = 0.05
_WAIT: Final = 0.05
_DAY: Final = 86_400_000_000_000
_HOUSE_ROWS: Final = 10_000

# Both walk the index on last_time and stop at the first hit. A running trace younger than a day stays.
_AGED: Final = """
SELECT id FROM traces WHERE last_time < :limit
AND (last_time < :day OR NOT EXISTS (SELECT 1 FROM open_spans WHERE open_spans.trace = traces.id))
ORDER BY last_time LIMIT 1
"""
_OLDEST: Final = "SELECT id FROM traces ORDER BY last_time LIMIT 1"
_SOME_EVENTS: Final = "DELETE FROM events WHERE seq IN (SELECT seq FROM events WHERE trace = ? LIMIT ?)"
_OLD_HOUSE_EVENTS: Final = (
    "DELETE FROM events WHERE trace = 0 AND seq <="
    " (SELECT seq FROM events WHERE trace = 0 ORDER BY seq DESC LIMIT 1 OFFSET ?)"
)


def prune(store: Store, config: Config, *, now: int | None = None, budget: float = _BUDGET) -> None:
    """Delete what is too old or too much, for at most *budget* seconds; the next call goes on."""
    moment = time.time_ns() if now is None else now
    limit = moment - int(config.max_age * 1e9)
    deadline = time.monotonic() + budget
    ceiling = config.max_bytes

    def step(connection: sqlite3.Connection) -> bool:
        nonlocal ceiling
        crowded = _size(connection) > ceiling
        if crowded:
            # Once over the limit, room is made for a while, or every write would have to prune.
            ceiling = config.max_bytes * 9 // 10
        trace = _choose(connection, limit, moment - _DAY, crowded)
        if trace is not None:
            _delete_some(connection, trace)
        return trace is not None

    store.transact(_thin_house_events, _WAIT)
    while store.transact(step, _WAIT) and time.monotonic() < deadline:
        pass


def _size(connection: sqlite3.Connection) -> int:
    """Return the bytes in use: free pages are given back, or filled before the file grows."""
    pages = int(connection.execute("PRAGMA page_count").fetchone()[0])
    free = int(connection.execute("PRAGMA freelist_count").fetchone()[0])
    return (pages - free) * int(connection.execute("PRAGMA page_size").fetchone()[0])


def _choose(connection: sqlite3.Connection, limit: int, day: int, crowded: bool) -> int | None:
    """Return the trace to delete next: beyond the limit of size any, a running one last."""
    latest = 2**63 - 1 if crowded else limit
    found = connection.execute(_AGED, {"limit": latest, "day": day}).fetchone()
    if found is None and crowded:
        found = connection.execute(_OLDEST).fetchone()
    return None if found is None else int(found[0])


def _delete_some(connection: sqlite3.Connection, trace: int) -> None:
    # Out of sight first: nobody shall see half a trace.
    connection.execute("DELETE FROM lookups WHERE trace = ?", (trace,))
    gone = connection.execute(_SOME_EVENTS, (trace, _STEP)).rowcount
    if gone < _STEP:
        connection.execute("DELETE FROM traces WHERE id = ?", (trace,))
        connection.execute("DELETE FROM open_spans WHERE trace = ?", (trace,))
    connection.execute("PRAGMA incremental_vacuum(512)").fetchall()


def _thin_house_events(connection: sqlite3.Connection) -> None:
    """Keep only the newest events that belong to no trace: they have no row by which they would age."""
    connection.execute(_OLD_HOUSE_EVENTS, (_HOUSE_ROWS,))
