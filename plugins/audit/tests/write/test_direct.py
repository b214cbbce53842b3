"""Transactions of one statement, committed by the database itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, func, select

from flowstone_audit import insert
from flowstone_audit.database import Database
from flowstone_audit.errors import Unavailable
from flowstone_audit.tables import log
from plugins.audit.tests.sealing.rows import row


@pytest.fixture
def database(audit_url: str) -> Iterator[Database]:
    """A database of each kind."""
    made = Database(audit_url)
    yield made
    made.close()


def count(engine: Engine) -> int:
    """Return how many entries another connection sees."""
    with engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(log)).scalar_one())


def test_one_statement_is_committed(database: Database, audit_engine: Engine) -> None:
    """What a transaction of one statement wrote is there for others when its block ends."""
    with database.transaction(single=True) as execute:
        insert.numbered(execute, [row(), row()], sqlite=database.is_sqlite)
    assert count(audit_engine) == 2


def test_a_refused_statement_leaves_nothing(database: Database, audit_engine: Engine) -> None:
    """Of several entries in one statement none is there where one is refused, and the next transaction goes on."""
    rows = [row(), row()._replace(actor_type="nobody")]
    with pytest.raises(Unavailable), database.transaction(single=True) as execute:
        insert.numbered(execute, rows, sqlite=database.is_sqlite)
    assert count(audit_engine) == 0
    with database.transaction(single=True) as execute:
        insert.numbered(execute, rows[:1], sqlite=database.is_sqlite)
    assert count(audit_engine) == 1
