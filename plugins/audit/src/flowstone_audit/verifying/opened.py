"""Where a log is, said so that every process can open it for itself; without SQLAlchemy, which is dear to import."""

from __future__ import annotations

from typing import Any, NamedTuple

from flowstone_audit.errors import Unavailable
from flowstone_audit.verifying.source import Source


class Target(NamedTuple):
    """A database, without SQLAlchemy.

    Attributes:
        dialect: ``sqlite`` or ``postgresql``.
        path: The file of SQLite.
        parameters: Of psycopg's connect.
    """

    dialect: str
    path: str
    parameters: dict[str, Any]


def open_source(target: Target) -> Source:
    """Open a database for reading.

    Raises:
        Unavailable: It cannot be reached, or its driver is not installed.
        Damaged: It is no database.
    """
    if target.dialect == "sqlite":
        from flowstone_audit.verifying.sqlite import SqliteSource

        return SqliteSource(target.path)
    try:
        from flowstone_audit.verifying.postgresql import PostgresqlSource
    except ImportError as error:
        raise Unavailable(
            f"PostgreSQL needs psycopg: pip install 'flowstone-audit[postgresql]' ({error})"
        ) from error
    return PostgresqlSource(target.parameters)
