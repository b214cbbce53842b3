"""The guards in a SQLite file, held against those that the revisions make in an empty one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Final

from flowstone_audit import frozen
from flowstone_audit.finding import Finding

if TYPE_CHECKING:  # verifying needs no SQLAlchemy, and its helpers are to begin soon
    from sqlalchemy import Connection

_OBJECTS: Final = """
    SELECT type, name, sql FROM sqlite_master
    WHERE sql IS NOT NULL AND lower(tbl_name) LIKE 'flowstone\\_audit\\_%' ESCAPE '\\'
    AND lower(tbl_name) <> 'flowstone_audit_version'
"""

_SEQUENCE: Final = """
    SELECT (SELECT CASE typeof(max(seq)) WHEN 'integer' THEN max(seq) WHEN 'null' THEN NULL ELSE -1 END
            FROM sqlite_sequence WHERE name = 'flowstone_audit_log'),
        (SELECT coalesce(max(seq), 0) FROM flowstone_audit_log),
        (SELECT coalesce(max(through_seq), 0) FROM flowstone_audit_floor)
"""


def findings(connection: Connection) -> Iterator[Finding]:
    """Yield what differs from a database that was made just now: tables, indexes and triggers by their text."""
    made = expected()
    found = {(str(kind), str(name)): str(sql) for kind, name, sql in connection.exec_driver_sql(_OBJECTS)}
    for place, sql in made.items():
        if place not in found:
            yield Finding(place[1], "absent")
        elif found[place] != sql:
            yield Finding(place[1], "altered")
    for place in found.keys() - made.keys():
        yield Finding(place[1], "unknown")
    if {("table", "flowstone_audit_log"), ("table", "flowstone_audit_floor")} <= found.keys():
        yield from _sequence(connection)


def _sequence(connection: Connection) -> Iterator[Finding]:
    """SQLite lets everybody write where it keeps the last number given, anything at all, and no trigger can stand there."""
    given, highest, pruned = connection.exec_driver_sql(_SEQUENCE).one()
    if given is None and highest:
        yield Finding("flowstone_audit_log.seq", "absent")
    elif given is not None and not highest <= given <= max(highest, pruned):
        yield Finding("flowstone_audit_log.seq", "altered")


@cache
def expected() -> dict[tuple[str, str], str]:
    """Return the statements that make the tables, indexes and triggers of a database of today.

    By kind and name: a trigger may have the name of an index.
    """
    made = sqlite3.connect(":memory:")
    try:
        for revision in frozen.REVISIONS:
            for statement in frozen.statements(revision, "sqlite", "up"):
                made.execute(statement)
        return {(kind, name): sql for kind, name, sql in made.execute(_OBJECTS)}
    finally:
        made.close()
