"""A log with many entries, quickly: hashed, guarded and numbered as always, and only what nobody measures left out.

What is left out is waiting for the disk, and one journey a row: SQLite gets a large cache and large transactions,
PostgreSQL a COPY.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from struct import Struct
from typing import Final

from sqlalchemy import func, select

from benchmarks.audits.places import row
from flowstone_audit import binary, insert
from flowstone_audit.database import Database
from flowstone_audit.row import Row
from flowstone_audit.tables import log

_CHUNK: Final = 25_000
_HEAD: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TAIL: Final = b"\xff\xff"
_FIELDS: Final = Struct(">h").pack(len(Row._fields))
_LENGTH: Final = Struct(">i").pack
_NULL: Final = _LENGTH(-1)


def fill(where: Database, number: int, told: Callable[[int], object] = lambda made: None) -> None:
    """Have at least *number* entries in the log."""
    with where.connect() as connection:
        made = connection.execute(select(func.count()).select_from(log)).scalar_one()
    write = _sqlite if where.is_sqlite else _postgresql
    url = where.engine.url.render_as_string(hide_password=False)
    while made < number:
        some = [row(made + at) for at in range(min(_CHUNK, number - made))]
        write(url, some)
        made += len(some)
        told(made)


def _sqlite(url: str, rows: Sequence[Row]) -> None:
    path = url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as connection:
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA cache_size = -262144")
        connection.execute("BEGIN IMMEDIATE")
        insert.many(connection.execute, list(rows), sqlite=True)
        connection.execute("COMMIT")


def _postgresql(url: str, rows: Sequence[Row]) -> None:
    import psycopg

    copy = f"COPY flowstone_audit_log ({', '.join(Row._fields)}) FROM STDIN (FORMAT binary)"
    with psycopg.connect(url.replace("+psycopg", "")) as connection, connection.cursor().copy(copy) as stream:
        stream.write(_HEAD)
        for one in rows:
            stream.write(_copied(one))
        stream.write(_TAIL)


def _copied(one: Row) -> bytes:
    """Return a row as a binary COPY has it: how many fields, and the length before each."""
    values = binary.values_of(one)
    return _FIELDS + b"".join(_NULL if value is None else _LENGTH(len(value)) + value for value in values)
