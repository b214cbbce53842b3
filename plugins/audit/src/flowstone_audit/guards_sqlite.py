"""The guards in a SQLite file, held against those that the revisions make in an empty one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from functools import cache
from typing import Final

from sqlalchemy import Connection

from flowstone_audit import frozen
from flowstone_audit.finding import Finding

_OBJECTS: Final = """
    SELECT name, sql FROM sqlite_master
    WHERE sql IS NOT NULL AND lower(tbl_name) LIKE 'flowstone\\_audit\\_%' ESCAPE '\\'
    AND lower(tbl_name) <> 'flowstone_audit_version'
"""

_SEQUENCE: Final = """
    SELECT (SELECT max(seq) FROM sqlite_sequence WHERE name = 'flowstone_audit_log'),
        (SELECT coalesce(max(seq), 0) FROM flowstone_audit_log),
        (SELECT coalesce(max(through_seq), 0) FROM flowstone_audit_floor)
"""


def findings(connection: Connection) -> Iterator[Finding]:
    """Yield what differs from a database that was made just now: tables, indexes and triggers by their text."""
    made = expected()
    found = {str(name): str(sql) for name, sql in connection.exec_driver_sql(_OBJECTS)}
    for name, sql in made.items():
        if name not in found:
            yield Finding(name, "absent")
        elif found[name] != sql:
            yield Finding(name, "altered")
    for name in found.keys() - made.keys():
        yield Finding(name, "unknown")
    if {"flowstone_audit_log", "flowstone_audit_floor"} <= found.keys():
        yield from _sequence(connection)


def _sequence(connection: Connection) -> Iterator[Finding]:
    """SQLite lets everybody write where it keeps the last number given, and no trigger can stand there."""
    given, highest, pruned = connection.exec_driver_sql(_SEQUENCE).one()
    if given is None and highest:
        yield Finding("flowstone_audit_log.seq", "absent")
    elif given is not None and not highest <= given <= max(highest, pruned):
        yield Finding("flowstone_audit_log.seq", "altered")


@cache
def expected() -> dict[str, str]:
    """Return the statements that make the tables, indexes and triggers of a database of today, by name."""
    made = sqlite3.connect(":memory:")
    try:
        for revision in frozen.REVISIONS:
            for statement in frozen.statements(revision, "sqlite", "up"):
                made.execute(statement)
        return dict(made.execute(_OBJECTS).fetchall())
    finally:
        made.close()
