"""A small log to attack, and a picture of it before and after."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine

from flowstone_audit import insert
from flowstone_audit.canonical import sealed
from flowstone_audit.row import VERSION, Row
from flowstone_audit.tables import metadata

IDS = [bytes([number]) * 16 for number in (1, 2, 3)]
"""Entry 1 has private columns and may be erased, 2 has them and may not, 3 has none."""

NEW = bytes([9]) * 16


def row(id: bytes = NEW, *, private: bool = False, **given: Any) -> Row:
    """Return an entry as a writer makes it."""
    made = Row(
        v=VERSION,
        id=id,
        event_type="rule.updated",
        actor_id="ann",
        actor_type="user",
        resource_type="rule",
        resource_id="r1",
        action="updated",
        outcome="success",
        details='{"a":1}',
        correlation_id="c1",
        trace_id="0" * 31 + "1",
        span_id="0" * 15 + "1",
        run_id="run1",
        writer="host/1/00000000",
        ordinal=id[0],
        occurred_at=1_700_000_000_000_000,
        client_ip="192.0.2.1" if private else None,
        user_agent="curl" if private else None,
        private='{"name":"Ann"}' if private else None,
        nonce=bytes(32) if private else None,
        commitment=None,
        row_hash=b"",
    )
    return sealed(made._replace(**given))


def furnish(engine: Engine) -> None:
    """Write three entries, a seal, a permission to erase the first entry, and a floor."""
    with engine.connect() as connection, connection.begin():
        assert (
            insert.rows(connection, [row(IDS[0], private=True), row(IDS[1], private=True), row(IDS[2])]) == 3
        )
        for statement in furniture(engine.dialect.name):
            connection.exec_driver_sql(statement)


def furniture(dialect: str) -> list[str]:
    """Return the statements that write a seal, an erasure and a floor, with literals of *dialect*."""
    now = "now()" if dialect == "postgresql" else "1700000000000000"
    return [
        (
            "INSERT INTO flowstone_audit_seal VALUES"
            f" (0, 3, {blob(dialect, 24)}, {blob(dialect, 128)}, {blob(dialect, 32)}, {blob(dialect, 64)}, 3, '[]', 'n', {now})"
        ),
        f"INSERT INTO flowstone_audit_erasure VALUES ({id_of(dialect, IDS[0])}, 'GDPR-1', 'dpo', {now})",
        f"INSERT INTO flowstone_audit_floor VALUES (2, 30, {blob(dialect, 32)}, {now})",
    ]


def blob(dialect: str, size: int, byte: str = "ab") -> str:
    """Return a literal of *size* equal bytes."""
    return f"'\\x{byte * size}'" if dialect == "postgresql" else f"x'{byte * size}'"


def id_of(dialect: str, id: bytes) -> str:
    """Return the literal of an entry's id."""
    return f"'{id.hex()}'" if dialect == "postgresql" else f"x'{id.hex()}'"


def picture(connection: Connection) -> dict[str, list[Any]]:
    """Return all rows of all tables, as the driver reads them."""
    return {
        name: sorted(tuple(row) for row in connection.exec_driver_sql(f"SELECT * FROM {name}"))
        for name in metadata.tables
    }
