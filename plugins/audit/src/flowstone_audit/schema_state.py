"""Which version of the audit tables a database has; without Alembic, which is dear to import."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from sqlalchemy import Connection

from flowstone_audit.frozen import REVISIONS
from flowstone_audit.tables import log

VERSION_TABLE: Final = "flowstone_audit_version"
KNOWN: Final = tuple(name.partition("_")[0] for name in REVISIONS)
HEAD: Final = KNOWN[-1]

Kind = Literal["current", "missing", "unversioned", "older", "newer"]


class State(NamedTuple):
    """What a database has, and what this flowstone_audit works with.

    Attributes:
        current: The database's revision, such as ``0002``; None where it says none.
        head: The revision that this version of the plugin works with.
        kind: ``newer``: the database was migrated by a later version of the plugin; ``unversioned``: there are
            audit tables, and somebody took away what says their revision.
    """

    current: str | None
    head: str
    kind: Kind


def check(connection: Connection) -> State:
    """Return the state of the schema behind *connection*; a few short queries.

    Raises:
        sqlalchemy.exc.DBAPIError: The database cannot be asked.
    """
    found = None
    if _has_table(connection, VERSION_TABLE):
        found = connection.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").scalar()  # noqa: S608  # a constant
    if found is None:
        return State(None, HEAD, "unversioned" if _has_table(connection, log.name) else "missing")
    current = str(found)
    return State(current, HEAD, _kind(current))


def _kind(current: str) -> Kind:
    if current == HEAD:
        return "current"
    return "older" if current in KNOWN else "newer"


def _has_table(connection: Connection, name: str) -> bool:
    if connection.dialect.name == "postgresql":
        asked = f"SELECT to_regclass('{name}') IS NOT NULL"  # a constant
    else:
        asked = f"SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '{name}'"  # noqa: S608  # a constant
    return bool(connection.exec_driver_sql(asked).scalar())
