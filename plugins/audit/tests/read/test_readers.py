"""Connections kept for queries: used again where they are as they were, and never with anything left open."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from flowstone_audit.database import Database
from flowstone_audit.errors import Unavailable


@pytest.fixture
def database(audit_url: str) -> Iterator[Database]:
    """A database of each kind."""
    made = Database(audit_url)
    yield made
    made.close()


def test_one_connection_serves_query_after_query(database: Database) -> None:
    """The next query has the connection of the one before, in no transaction."""
    with database.reading() as first:
        first.execute(text("SELECT count(*) FROM flowstone_audit_log"))
    with database.reading() as second:
        assert first is second
        assert not second.in_transaction()


def test_two_at_once_have_two(database: Database) -> None:
    """Whoever reads while another does has a connection of their own."""
    with database.reading() as first, database.reading() as second:
        assert first is not second


def test_what_was_set_up_otherwise_is_not_kept(database: Database) -> None:
    """A connection whose options were changed is closed after its block."""
    with database.reading() as first:
        first.execution_options(stream_results=True)
    assert first.closed


def test_a_failure_closes_all(database: Database) -> None:
    """After an error no connection is kept: a server that went away took all of them along."""
    with contextlib.suppress(LookupError), database.reading() as first, database.reading():
        raise LookupError
    assert first.closed
    with database.reading() as second:
        assert first is not second


def test_nothing_is_open_when_closed(database: Database) -> None:
    """Closing the database closes what is idle."""
    with database.reading() as first:
        pass
    database.close()
    assert first.closed


def test_an_inherited_database_is_left_alone(database: Database) -> None:
    """A database that a fork left unusable yields no kept connection either."""
    with database.reading():
        pass
    database.tainted = True
    with pytest.raises(Unavailable), database.reading():
        pass


def test_a_connection_that_ended_meanwhile_is_not_used(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a server was restarted since the last query, the next one does not fail of it."""
    monkeypatch.setattr("flowstone_audit.readers._FRESH_S", 0.0)
    with database.reading() as first:
        driver = first.connection.driver_connection
    assert driver is not None
    driver.close()
    with database.reading() as second:
        assert second.execute(text("SELECT count(*) FROM flowstone_audit_log")).scalar() == 0


def test_what_was_in_use_while_all_were_closed_is_not_kept(database: Database) -> None:
    """Closing reaches those in use as well, when they are given back."""
    with database.reading() as first:
        database.close()
    assert first.closed
