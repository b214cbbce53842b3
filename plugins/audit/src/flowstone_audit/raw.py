"""Statements on the log without what SQLAlchemy does for each of them and each row: text, and a row's values.

The statements are SQLAlchemy's own, rendered once for each dialect; the conversions are those of
``columns.Id`` and ``columns.Moment``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Select
from sqlalchemy.engine import Dialect

from flowstone_audit.columns import of_postgresql, of_sqlite, to_microseconds
from flowstone_audit.entry import FIELDS, AuditEntry, made


def entries(connection: Connection, statement: Select[Any], values: Mapping[str, Any]) -> list[AuditEntry]:
    """Return the entries that a select of all columns of `tables.log` finds.

    Args:
        connection: To read with.
        statement: Kept by its maker: what it is in text is remembered for the object.
        values: Its parameters, as those of SQLAlchemy's types.

    Raises:
        sqlalchemy.exc.DBAPIError: The database refuses.
    """
    sql, names, own = _rendered(statement, connection.dialect)
    sqlite = connection.dialect.name == "sqlite"
    given = own | {name: _bound(value, sqlite) for name, value in values.items()}
    parameters: Any = given if names is None else tuple([given[name] for name in names])
    convert = _from_sqlite if sqlite else _from_postgresql
    return [convert(row) for row in _rows(connection, sql, parameters)]


def _rows(connection: Connection, sql: str, parameters: Any) -> Sequence[Any]:
    """Return what a statement finds, asking the driver itself where nobody listens to SQLAlchemy's statements.

    That spares a look-up in SQLite half of its time, and a transaction around it. Elsewhere the driver begins a
    transaction that SQLAlchemy would know nothing of, unless it commits each statement by itself.
    """
    driver: Any = connection.connection
    alone = (
        connection.dialect.name == "sqlite" or getattr(driver.driver_connection, "autocommit", False) is True
    )
    if alone and not connection.engine.dispatch.before_cursor_execute:
        try:
            cursor = driver.cursor()
            try:
                cursor.execute(sql, parameters)
                found: Sequence[Any] = cursor.fetchall()
                return found
            finally:
                cursor.close()
        except connection.dialect.dbapi.Error:  # type: ignore[union-attr]
            pass  # once more as SQLAlchemy does it: it knows which errors end a connection
    return connection.exec_driver_sql(sql, parameters).fetchall()


@lru_cache(maxsize=1024)
def _rendered(statement: Select[Any], dialect: Dialect) -> tuple[str, tuple[str, ...] | None, dict[str, Any]]:
    """Return a statement's text, its parameters' names where they go by position, and its own parameters."""
    compiled: Any = statement.compile(dialect=dialect)
    names = None if compiled.positiontup is None else tuple(compiled.positiontup)
    return str(compiled), names, {name: value for name, value in compiled.params.items() if value is not None}


def _bound(value: Any, sqlite: bool) -> Any:
    if isinstance(value, datetime):
        return to_microseconds(value) if sqlite else value
    if isinstance(value, UUID):
        return value.bytes if sqlite else value
    return value


def _from_sqlite(row: Any) -> AuditEntry:
    values = dict(zip(FIELDS, row, strict=True))
    values["inserted_at"] = of_sqlite(values["inserted_at"])
    values["id"] = values["id"].hex()
    values["occurred_at"] = of_sqlite(values["occurred_at"])
    return made(values)


def _from_postgresql(row: Any) -> AuditEntry:
    values = dict(zip(FIELDS, row, strict=True))
    values["inserted_at"] = of_postgresql(values["inserted_at"])
    values["id"] = values["id"].hex
    values["occurred_at"] = of_postgresql(values["occurred_at"])
    return made(values)
