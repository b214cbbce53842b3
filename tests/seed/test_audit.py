"""Twins of the origin's audit tests, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, delete, update
from sqlalchemy.exc import DBAPIError

import flowstone_audit
from flowstone_audit import database, flushing, migrating, queries, recorder
from tests.servers.postgres import Server, running

ENTRY: dict[str, Any] = {
    "actor_id": "user_1",
    "actor_type": "user",
    "resource_type": "asset",
    "resource_id": "daily_report",
    "action": "approve",
    "details": {"reason": "checked", "rows": 12},
    "correlation_id": "corr-1",
    "client_ip": "192.0.2.1",
    "user_agent": "Mozilla/5.0",
}


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server of this module's tests."""
    with running() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"], autouse=True)
def audit(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An audit log in a database of each kind."""
    url = f"sqlite:///{tmp_path}/audit.db"
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("postgres")
        url = server.database()
    engine = create_engine(url)
    migrating.upgrade(engine)
    engine.dispose()
    monkeypatch.setenv("FLOWSTONE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FLOWSTONE_AUDIT_URL", url)
    recorder.replace(None)
    yield
    flushing.shutdown(2.0)
    recorder.replace(None)
    database.close_all()


def test_log_writes_an_entry_with_all_its_fields() -> None:
    """What is logged is what is found, field by field."""
    entry = flowstone_audit.log("checkpoint.approved", **ENTRY)
    (found,) = queries.entries(event_type="checkpoint.approved").entries
    assert entry == found
    assert ENTRY == {name: getattr(found, name) for name in ENTRY}


@pytest.mark.parametrize("field", ["event_type", "actor_id", "actor_type"])
def test_required_fields_are_required(field: str) -> None:
    """Without event type, actor and its type there is no entry, and nothing half-written."""
    given = {"event_type": "a.b", "actor_id": "user_1", "actor_type": "user", field: None}
    with pytest.raises(flowstone_audit.EntryRefused, match=field):
        flowstone_audit.log(**given)  # type: ignore[arg-type]
    assert () == queries.entries().entries


@pytest.mark.parametrize("actor_type", ["system", "user", "api"])
def test_the_three_types_of_actors_are_taken(actor_type: str) -> None:
    """system, user and api are types of actors."""
    assert actor_type == flowstone_audit.log("a.b", actor_id="x", actor_type=actor_type).actor_type


def test_other_types_of_actors_are_refused() -> None:
    """Anything else is not."""
    with pytest.raises(flowstone_audit.EntryRefused, match="actor_type"):
        flowstone_audit.log("a.b", actor_id="x", actor_type="robot")


def test_entries_are_found_by_event_type() -> None:
    """A query by event type returns these, and no others."""
    for event_type in ("run.started", "run.ended", "run.started"):
        flowstone_audit.log(event_type, actor_id="x", actor_type="system")
    found = queries.entries(event_type="run.started").entries
    assert ["run.started"] * 2 == [entry.event_type for entry in found]


def test_entries_are_found_by_actor() -> None:
    """A query by actor returns what they did."""
    for actor_id in ("user_1", "user_2", "user_1"):
        flowstone_audit.log("a.b", actor_id=actor_id, actor_type="user")
    assert ["user_1"] * 2 == [entry.actor_id for entry in queries.entries(actor_id="user_1").entries]


def test_the_history_of_a_resource_is_in_order() -> None:
    """What happened to a resource comes in the order in which it happened."""
    actions = ["create", "update", "approve", "archive"]
    for action in actions:
        flowstone_audit.log("a.b", **{**ENTRY, "action": action})
        flowstone_audit.log("a.b", **{**ENTRY, "resource_id": "another"})
    assert actions == [entry.action for entry in queries.history("asset", "daily_report").entries]


def test_entries_are_found_by_correlation_id() -> None:
    """Everything under a correlation id is found by it."""
    mine = [flowstone_audit.log(name, **ENTRY).id for name in ("a.b", "c.d")]
    flowstone_audit.log("a.b", **{**ENTRY, "correlation_id": "corr-2"})
    assert mine == [entry.id for entry in queries.entries(correlation_id="corr-1").entries]


def test_entries_cannot_be_updated_or_deleted() -> None:
    """The database refuses, whoever asks; there is no column that would tell of a change."""
    entry = flowstone_audit.log("a.b", **ENTRY)
    table = flowstone_audit.table
    assert "updated_at" not in table.c
    for statement in (update(table).values(action="reject"), delete(table)):
        with pytest.raises(DBAPIError, match="flowstone audit"), database.engine().begin() as connection:
            connection.execute(statement)
    assert entry == queries.entry(entry.id)


def test_inserted_at_is_utc_with_microseconds() -> None:
    """The moment is the database's, in UTC, to the microsecond."""
    before = datetime.now(UTC)
    moments = [flowstone_audit.log("a.b", **ENTRY).inserted_at for _ in range(5)]
    after = datetime.now(UTC)
    margin = timedelta(milliseconds=50)  # a server's clock is not exactly ours
    assert all(moment is not None and before - margin <= moment <= after + margin for moment in moments)
    assert all(moment is not None and moment.utcoffset() == timedelta(0) for moment in moments)
    assert any(moment is not None and moment.microsecond % 1000 for moment in moments)
