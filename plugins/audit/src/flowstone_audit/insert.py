"""Rows into the log.

SQLite: one statement for several, for each statement costs a turn of the interpreter. PostgreSQL: one prepared
statement, sent for all rows without waiting in between; one for several rows takes the server twice as long.
"""

from __future__ import annotations

from functools import cache
from time import time_ns
from typing import Any, Final

from sqlalchemy import Connection

from flowstone_audit.binary import Executor
from flowstone_audit.columns import to_datetime, to_microseconds
from flowstone_audit.direct import Execute
from flowstone_audit.row import Row

AT_ONCE: Final = 32
"""Rows of the largest statement; SQLite takes 32766 parameters, 24 a row."""

_TABLE: Final = "flowstone_audit_log"
_COLUMNS: Final = ", ".join(Row._fields)
_WIDTH: Final = len(Row._fields)
_ID: Final = Row._fields.index("id")
_OCCURRED: Final = Row._fields.index("occurred_at")
_BINARY: Final = frozenset({"nonce", "commitment", "row_hash"})


def rows(connection: Connection, given: list[Row]) -> int:
    """Insert *given* in their order; the caller holds the transaction.

    Rows whose ids the log has are ignored.

    Returns:
        How many were new.

    Raises:
        sqlalchemy.exc.DBAPIError: The database refused; the transaction has to be rolled back.
    """
    return many(connection.exec_driver_sql, given, sqlite=connection.dialect.name == "sqlite")


def many(execute: Execute, given: list[Row], *, sqlite: bool) -> int:
    """Do the same by the driver's own *execute*."""
    if not sqlite:
        done = execute(postgresql_statement(1), [for_postgresql([row]) for row in given])
        return int(done.rowcount)
    made = 0
    for begin in range(0, len(given), AT_ONCE):
        some = given[begin : begin + AT_ONCE]
        made += execute(sqlite_statement(len(some)), _for_sqlite(some, time_ns() // 1000)).rowcount
    return made


def numbered(execute: Execute, given: list[Row], *, sqlite: bool) -> list[tuple[int, int] | None]:
    """Insert *given*, few, and return ``seq`` and ``inserted_at`` (Unix microseconds) of each; None where it is not new."""
    if len(given) == 1:
        return _sqlite_numbered(execute, given) if sqlite else _postgresql_numbered(execute, given)
    places: list[tuple[int, int] | None] = []
    for begin in range(0, len(given), AT_ONCE):
        some = given[begin : begin + AT_ONCE]
        places += _sqlite_numbered(execute, some) if sqlite else _postgresql_numbered(execute, some)
    return places


def _sqlite_numbered(execute: Execute, some: list[Row]) -> list[tuple[int, int] | None]:
    now = time_ns() // 1000
    result = execute(sqlite_statement(len(some)), _for_sqlite(some, now))
    if result.rowcount != len(some):
        return [None] * len(some)  # one was ignored: which one is not worth the question
    last = int(result.lastrowid or 0)
    return [(seq, now) for seq in range(last - len(some) + 1, last + 1)]


def _postgresql_numbered(execute: Execute, some: list[Row]) -> list[tuple[int, int] | None]:
    if len(some) == 1:
        if isinstance(execute, Executor) and execute.is_binary:
            return [execute.insert(some[0])]
        return [execute(_ONE, for_postgresql(some)).fetchone()]
    result = execute(
        f"{postgresql_statement(len(some))} RETURNING id, seq, inserted_at", for_postgresql(some)
    )
    found = {id.bytes: (seq, to_microseconds(at)) for id, seq, at in result.fetchall()}
    return [found.get(row.id) for row in some]


def _for_sqlite(some: list[Row], now: int) -> tuple[Any, ...]:
    if len(some) == 1:
        return now, *some[0]
    values: list[Any] = []
    for row in some:
        values.append(now)
        values += row
    return tuple(values)


def for_postgresql(some: list[Row]) -> tuple[Any, ...]:
    """Return the parameters of rows for PostgreSQL."""
    values: list[Any] = []
    for row in some:
        values += row
        values[_ID - _WIDTH] = row.id.hex()
        values[_OCCURRED - _WIDTH] = to_datetime(row.occurred_at)
    return tuple(values)


@cache
def sqlite_statement(count: int) -> str:
    """Return the statement that inserts *count* rows into SQLite, ``inserted_at`` first."""
    one = f"(?, {', '.join('?' for _ in Row._fields)})"
    return f"INSERT INTO {_TABLE} (inserted_at, {_COLUMNS}) VALUES {', '.join([one] * count)}"  # noqa: S608


@cache
def postgresql_statement(count: int) -> str:
    """Return the statement that inserts *count* rows into PostgreSQL."""
    one = f"({', '.join('%b' if name in _BINARY else '%s' for name in Row._fields)})"
    return (
        f"INSERT INTO {_TABLE} ({_COLUMNS}) VALUES {', '.join([one] * count)}"  # noqa: S608
        " ON CONFLICT (id) DO NOTHING"
    )


# Whole numbers, for to make a moment of a text, and of that the number, takes longer than all else here.
_ONE: Final = (
    f"{postgresql_statement(1)} RETURNING seq, CAST(extract(epoch FROM inserted_at) * 1000000 AS bigint)"
)
