"""Reading a log's table: what is behind a place, and what is missing there."""

from __future__ import annotations

import sqlite3
from typing import Final

import orjson

from flowstone_pubsub.engines.base import Item, Record
from flowstone_pubsub.message import Gap

_SELECT: Final = "SELECT seq, id, time, topics, data FROM log WHERE seq > ? ORDER BY seq LIMIT ?"
_ADDED: Final = "SELECT seq, added FROM log WHERE seq > ? ORDER BY seq LIMIT 1"


def items_behind(connection: sqlite3.Connection, after: int, limit: int) -> list[Item]:
    """Return at most *limit* items behind *after*, a ``Gap`` first where there are no records any more."""
    found = connection.execute(_SELECT, (after, limit)).fetchall()
    if found:
        return _joined(found, after)[:limit]
    oldest, newest = bounds_of(connection)
    if newest == after:
        return []
    if newest < after:
        first = max(oldest - 1, 0)
        behind = connection.execute(_SELECT, (first, limit)).fetchall()
        return [Gap(after + 1, first, "engine"), *_joined(behind, first)][:limit]
    # They came meanwhile, or retention took all there was.
    return _joined(connection.execute(_SELECT, (after, limit)).fetchall(), after)[:limit] or [
        Gap(after + 1, newest, "retention")
    ]


def _joined(rows: list[tuple[int, str, int, str, bytes]], after: int) -> list[Item]:
    items: list[Item] = []
    for seq, id, time, topics, data in rows:
        if seq != after + 1:
            items.append(Gap(after + 1, seq - 1, "engine" if items else "retention"))
        items.append(Record(seq, id, time, tuple(orjson.loads(topics)), data))
        after = seq
    return items


def bounds_of(connection: sqlite3.Connection) -> tuple[int, int]:
    """Return the oldest and the newest seq; ``(0, 0)`` where there never was one."""
    # One statement, so that both are of one moment.
    oldest, newest = connection.execute(
        "SELECT (SELECT min(seq) FROM log), (SELECT max(seq) FROM log)"
    ).fetchone()
    return (oldest, newest) if newest else (0, 0)


def added_before(connection: sqlite3.Connection, moment: int) -> int:
    """Return the seq before the first record that was added at *moment* or later; searched for by halves."""
    oldest, newest = bounds_of(connection)
    low, high = max(oldest - 1, 0), newest
    while low < high:
        middle = (low + high) // 2
        found = connection.execute(_ADDED, (middle,)).fetchone()
        if found is None or found[1] >= moment:
            high = middle
        else:
            low = found[0]
    return low
