"""Whether the database still refuses what it must: every guard there, enabled and unaltered.

Whoever owns the tables can take the guards away, and put them back later; the seals tell that. While they
are away, this tells it.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection

from flowstone_audit import guards_postgresql, guards_sqlite, schema_state, search_path
from flowstone_audit.errors import SchemaMismatch
from flowstone_audit.finding import Finding


def missing(connection: Connection) -> list[str]:
    """Return the names of the guards that are absent, disabled or altered, and of what weakens them.

    Args:
        connection: To a database whose schema is current; any role that may read.

    Raises:
        SchemaMismatch: The database is neither SQLite nor PostgreSQL.
        sqlalchemy.exc.DBAPIError: The database cannot be asked.
    """
    return sorted({finding.name for finding in findings(connection)})


def findings(connection: Connection) -> list[Finding]:
    """Return the same with what was done to each, sorted by name.

    Raises:
        SchemaMismatch: As of ``missing``.
        sqlalchemy.exc.DBAPIError: As of ``missing``.
    """
    if connection.dialect.name == "sqlite":
        return sorted([*_version(connection), *guards_sqlite.findings(connection)])
    if connection.dialect.name == "postgresql":
        with search_path.only_ours(connection) as schema:
            return sorted([*_version(connection), *guards_postgresql.findings(connection, schema)])
    raise SchemaMismatch(f"the audit log has no tables for {connection.dialect.name}")


def _version(connection: Connection) -> Iterator[Finding]:
    """Yield what is wrong with the table that says the revision: without it nothing is written any more."""
    kind = schema_state.check(connection).kind
    if kind in ("missing", "unversioned"):
        yield Finding(schema_state.VERSION_TABLE, "absent")
    elif kind != "current":
        yield Finding(schema_state.VERSION_TABLE, "altered")
