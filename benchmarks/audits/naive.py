"""The other side: the raw driver on the schema one writes first. uuid4 text keys, four indexes, no guards."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import uuid4

COLUMNS = (
    *("id", "event_type", "actor_id", "actor_type", "resource_type", "resource_id", "action", "details"),
    *("correlation_id", "client_ip", "user_agent", "inserted_at"),
)
SCHEMA = (
    f"CREATE TABLE naive (id text PRIMARY KEY, {', '.join(f'{name} text' for name in COLUMNS[1:])})",
    "CREATE INDEX naive_event ON naive (event_type)",
    "CREATE INDEX naive_actor ON naive (actor_id)",
    "CREATE INDEX naive_resource ON naive (resource_type, resource_id)",
    "CREATE INDEX naive_correlation ON naive (correlation_id)",
)


def details(number: int) -> dict[str, object]:
    """Return the details of an entry, on both sides."""
    return {
        "before": number,
        "after": number + 1,
        "reason": "the threshold was too low for the new region " * 2,
    }


def values(number: int) -> tuple[str | None, ...]:
    """Return a row."""
    return (
        *(str(uuid4()), "rule.updated", "ann", "user", "rule", f"r{number % 500}", "update"),
        *(json.dumps(details(number)), str(uuid4()), None, None, datetime.now(UTC).isoformat()),
    )


class Naive(Protocol):
    """A naive log."""

    def one(self, number: int) -> None:
        """Write a row, durable when this returns."""
        ...

    def many(self, numbers: Sequence[int]) -> None:
        """Write rows in one transaction."""
        ...


class Sqlite:
    """By sqlite3; the write-ahead log and synchronous=FULL, as ours.

    Args:
        path: Its file.
    """

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode = WAL", "synchronous = FULL"):
            self._connection.execute(f"PRAGMA {pragma}").fetchone()
        for statement in SCHEMA:
            self._connection.execute(statement)
        self._insert = f"INSERT INTO naive VALUES ({', '.join('?' for _ in COLUMNS)})"

    def one(self, number: int) -> None:
        """Write a row."""
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        execute(self._insert, values(number))
        execute("COMMIT")

    def many(self, numbers: Sequence[int]) -> None:
        """Write rows in one transaction."""
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(self._insert, [values(number) for number in numbers])
        self._connection.execute("COMMIT")


class Postgresql:
    """By psycopg.

    Args:
        url: SQLAlchemy's URL of its database.
    """

    def __init__(self, url: str) -> None:
        import psycopg

        self._connection: Any = psycopg.connect(url.replace("+psycopg", ""))
        for statement in SCHEMA:
            self._connection.execute(statement)
        self._connection.commit()
        self._insert = f"INSERT INTO naive VALUES ({', '.join('%s' for _ in COLUMNS)})"

    def one(self, number: int) -> None:
        """Write a row."""
        self._connection.execute(self._insert, values(number))
        self._connection.commit()

    def many(self, numbers: Sequence[int]) -> None:
        """Write rows in one transaction."""
        with self._connection.cursor() as cursor:
            cursor.executemany(self._insert, [values(number) for number in numbers])
        self._connection.commit()
