"""The engine of one host: an append-only table in a file, and doorbells. It needs no server and survives kill -9.

Works on local file systems only. A commit survives the death of every process; after a power cut the last ones may
be gone (``synchronous = NORMAL``).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic, time_ns
from typing import Final

import orjson

from flowstone_pubsub.doorbell import Ringer
from flowstone_pubsub.engines.base import Deliver, EngineDown, Item, Outgoing, Retention
from flowstone_pubsub.engines.sqlite_follower import SqliteFollower
from flowstone_pubsub.engines.sqlite_handle import Handle
from flowstone_pubsub.engines.sqlite_reading import added_before, bounds_of, items_behind

_PREFIX: Final = "sqlite:///"
_WRITE_WAIT_S: Final = 1.0
_READ_WAIT_S: Final = 1.0
_PRUNE_PERIOD_S: Final = 60.0
_PRUNE_AT_ONCE: Final = 5_000
_INSERT: Final = "INSERT INTO log (id, time, added, topics, data) VALUES (?, ?, ?, ?, ?)"

Row = tuple[str, int, int, str, bytes]


def connect(url: str, retention: Retention) -> SqliteEngine:
    """Return an engine on the file of ``sqlite:///path``; it is opened when first needed.

    Raises:
        ValueError: It names no file.
    """
    path = url.removeprefix(_PREFIX)
    if not url.startswith(_PREFIX) or not path:
        raise ValueError(f"a log in a file is sqlite:///path/to/file.db, not {url[:200]!r}")
    return SqliteEngine(Path(path).expanduser(), retention)


class SqliteEngine:
    """An engine on a file. Repetitions of an id are told for as long as the first is kept."""

    name = "sqlite"
    durable = True

    def __init__(self, path: Path, retention: Retention) -> None:
        self._path = path
        self._retention = retention
        self._writing = Handle(path, mends=True)
        self._reading = Handle(path)
        self._ringer = Ringer(path)
        self._followers: list[SqliteFollower] = []
        self._portion = min(max(retention.records // 8, 1), 1000)  # what is added between two prunings
        self._unpruned = 0
        self._prune_at = 0.0

    def publish(self, batch: Sequence[Outgoing]) -> None:
        """Append *batch* in one transaction, then ring.

        Raises:
            EngineDown: None of it is in the log.
        """
        if not batch:
            return
        # Retention goes by when it was added: what happened long ago may be news.
        now = time_ns()
        rows = [(one.id, one.time, now, orjson.dumps(one.topics).decode(), one.data) for one in batch]
        self._writing.use(lambda connection: self._append(connection, rows), _WRITE_WAIT_S)
        self._ringer.ring()
        self._unpruned += len(rows)
        if self._unpruned >= self._portion or monotonic() >= self._prune_at:
            added, self._unpruned = self._unpruned, 0
            self._prune_at = monotonic() + _PRUNE_PERIOD_S
            with suppress(EngineDown):  # what is kept too long goes the next time
                self._writing.use(lambda connection: self._prune(connection, added), _WRITE_WAIT_S)

    def _append(self, connection: sqlite3.Connection, rows: list[Row]) -> None:
        try:
            self._insert(connection, rows)
        except sqlite3.IntegrityError:  # some are repetitions; nothing was kept of it, not even numbers
            self._insert(connection, _new_of(connection, rows))

    @staticmethod
    def _insert(connection: sqlite3.Connection, rows: list[Row]) -> None:
        if len(rows) == 1:
            connection.execute(_INSERT, rows[0])  # a transaction by itself, for a third of the calls
            return
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.executemany(_INSERT, rows)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _prune(self, connection: sqlite3.Connection, added: int) -> None:
        """Take what is too old or too much, now and then, in bounded portions; the newest record stays."""
        oldest, newest = bounds_of(connection)
        keep = max(oldest, newest - self._retention.records + 1)
        young = connection.execute(
            "SELECT seq FROM log WHERE seq >= ? AND added >= ? ORDER BY seq LIMIT 1",
            (keep, time_ns() - int(self._retention.age * 1e9)),
        ).fetchone()
        keep = min(young[0] if young else newest, oldest + max(_PRUNE_AT_ONCE, 2 * added))
        if keep > oldest:
            connection.execute("DELETE FROM log WHERE seq < ?", (keep,))

    def follow(self, after: int | None, deliver: Deliver) -> SqliteFollower:
        """Deliver what is behind *after* and what comes, in a thread of its own.

        Raises:
            EngineDown: With ``after=None``, where the file cannot be read.
        """
        follower = SqliteFollower(self._path, self.bounds()[1] if after is None else after, deliver)
        self._followers.append(follower)
        return follower

    def read(self, after: int, limit: int) -> Sequence[Item]:
        """Return at most *limit* items behind *after*.

        Raises:
            EngineDown: The file cannot be read.
        """
        return self._reading.use(lambda connection: items_behind(connection, after, limit), _READ_WAIT_S)

    def bounds(self) -> tuple[int, int]:
        """Return the oldest and the newest seq.

        Raises:
            EngineDown: The file cannot be read.
        """
        return self._reading.use(bounds_of, _READ_WAIT_S)

    def before(self, moment: int) -> int:
        """Return the seq before the first record that was added at *moment* (Unix ns) or later, by this host's clock.

        Raises:
            EngineDown: The file cannot be read.
        """
        return self._reading.use(lambda connection: added_before(connection, moment), _READ_WAIT_S)

    def close(self) -> None:
        """End the followers and close the file."""
        while self._followers:
            self._followers.pop().close()
        self._writing.close()
        self._reading.close()
        self._ringer.close()


def _new_of(connection: sqlite3.Connection, rows: list[Row]) -> list[Row]:
    """Return those of *rows* that are not in the log, each id once."""
    unique = {row[0]: row for row in reversed(rows)}
    ids = list(unique)
    for start in range(0, len(ids), 500):  # SQLite's bound on parameters is 999 in old builds
        part = ids[start : start + 500]
        marks = ",".join("?" * len(part))
        for (id,) in connection.execute(f"SELECT id FROM log WHERE id IN ({marks})", part):  # noqa: S608  # question marks only
            del unique[id]
    return list(reversed(unique.values()))
