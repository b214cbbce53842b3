"""The tables of the store, and the version that says which they are."""

from __future__ import annotations

import sqlite3
from typing import Final

VERSION: Final = 1
APPLICATION_ID: Final = 0x464C_5354  # "FLST"

_TABLES: Final = """
-- The events themselves, append-only: those of one trace in one batch, a line of JSON each.
-- Trace 0 holds those that belong to no trace.
CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY, trace INTEGER NOT NULL, body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS events_trace ON events (trace);

-- One row a trace, so that lists and retention need not read events.
CREATE TABLE IF NOT EXISTS traces (
    id INTEGER PRIMARY KEY,
    trace_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    correlation_id TEXT NOT NULL,
    pipeline TEXT NOT NULL,
    orchestrator TEXT NOT NULL,
    first_time INTEGER NOT NULL,
    last_time INTEGER NOT NULL,
    status TEXT NOT NULL,
    end_time INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS traces_last_time ON traces (last_time);
CREATE INDEX IF NOT EXISTS traces_first_time ON traces (first_time);

-- Which ids lead to which traces: one correlation id to several, one trace from several run ids.
CREATE TABLE IF NOT EXISTS lookups (
    key TEXT NOT NULL,
    kind INTEGER NOT NULL,
    trace INTEGER NOT NULL,
    PRIMARY KEY (key, kind, trace)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS lookups_trace ON lookups (trace);

-- Starts whose end has not come yet, with the process that would have to send it.
CREATE TABLE IF NOT EXISTS open_spans (
    trace INTEGER NOT NULL,
    span_id TEXT NOT NULL,
    host TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    pid INTEGER NOT NULL,
    start_time INTEGER NOT NULL,
    PRIMARY KEY (trace, span_id)
) WITHOUT ROWID;

PRAGMA application_id = 1179407188;
PRAGMA user_version = 1;
"""

_LOOK: Final = """
SELECT (SELECT user_version FROM pragma_user_version), (SELECT application_id FROM pragma_application_id),
    NOT EXISTS (SELECT 1 FROM sqlite_master)
"""


class StoreError(Exception):
    """The store cannot be used; the message says what to do."""


def check(connection: sqlite3.Connection, path: str) -> bool:
    """Tell whether the tables are there; False for an empty file.

    Raises:
        StoreError: The file is another program's, or of another version of the tables.
    """
    version, owner, empty = _look(connection)
    if empty and not version:
        return False
    if owner != APPLICATION_ID:
        raise StoreError(f"{path} is a database of another program; set FLOWSTONE_STORE_URL to another file")
    if version > VERSION:
        raise StoreError(
            f"{path} was written by a newer flowstone-console (store version {version}, this one knows {VERSION}); "
            "upgrade flowstone-console, or set FLOWSTONE_STORE_URL to another file"
        )
    if version < VERSION:
        raise StoreError(
            f"{path} was written by an older flowstone-console (store version {version}, this one needs {VERSION}); "
            "move the file away to begin anew"
        )
    return True


def _look(connection: sqlite3.Connection) -> tuple[int, int, bool]:
    """Return version, owner and emptiness as of one moment: another process may be making the tables."""
    version, owner, empty = connection.execute(_LOOK).fetchone()
    return int(version), int(owner), bool(empty)


def create(connection: sqlite3.Connection, path: str) -> None:
    """Make the tables, unless another process was faster."""
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # counts only before the first table
    connection.execute("PRAGMA journal_mode = WAL").fetchone()
    connection.execute("BEGIN IMMEDIATE")
    try:
        if not check(connection, path):
            for statement in _TABLES.split(";"):
                connection.execute(statement)  # not executescript, which would commit first
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
