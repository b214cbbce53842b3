"""What a start does that finds no tables, or those of another version."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

import flowstone_audit
from flowstone_audit import database, flushing, health, ingest, migrating, recorder
from plugins.audit.tests.write.log_table import Log
from tests.servers.postgres import Server


def test_sqlite_is_made_where_it_is_missing(home: Path) -> None:
    """Nobody has to migrate an embedded database first."""
    flowstone_audit.log("a.b", actor_id="ann", actor_type="user")
    assert ["a.b"] == Log().types()


@pytest.mark.parametrize("state", ["missing", "older", "newer"])
def test_a_server_of_another_version_is_left_alone(
    home: Path,
    postgres: Server,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    state: str,
) -> None:
    """Entries are durable in the spool, that is said once, and they arrive when the tables do."""
    url = postgres.database()
    monkeypatch.setenv("FLOWSTONE_AUDIT_URL", url)
    engine = create_engine(url, poolclass=NullPool)
    if state != "missing":
        migrating.upgrade(engine, "head" if state == "newer" else "0001")
    if state == "newer":
        with engine.begin() as connection:
            connection.execute(text("UPDATE flowstone_audit_version SET version_num = '9999'"))
    with caplog.at_level(logging.WARNING, "flowstone.audit"):
        entries = [flowstone_audit.log("a.b", actor_id="ann", actor_type="user") for _ in range(5)]
    assert [None] * 5 == [entry.seq for entry in entries]
    assert 1 == sum("wait in the spool" in one.getMessage() for one in caplog.records)
    with pytest.raises(flowstone_audit.SchemaMismatch, match="entries wait in the spool"):
        ingest.catch_up(5)
    assert "unhealthy" == health.database().status
    if state == "newer":
        with engine.begin() as connection:
            head = flowstone_audit_head()
            connection.execute(text(f"UPDATE flowstone_audit_version SET version_num = '{head}'"))
    else:
        migrating.upgrade(engine)
    assert [entry.id for entry in entries] == [row["id"] for row in Log().rows()]
    assert "healthy" == health.database().status


def flowstone_audit_head() -> str:
    from flowstone_audit import schema_state

    return schema_state.HEAD


def test_a_database_file_that_goes_away_is_made_anew(home: Path) -> None:
    """Where somebody removes the file under us, what follows is kept, not written into the void."""
    flowstone_audit.log("before.removal", actor_id="ann", actor_type="user")
    for path in home.glob("audit.db*"):
        path.unlink()
    entries = [flowstone_audit.log("after.removal", actor_id="ann", actor_type="user") for _ in range(3)]
    flushing.shutdown(2.0)
    database.close_all()
    recorder.replace(None)
    found = [row["id"] for row in Log().rows()]
    assert {entry.id for entry in entries} <= set(found)
