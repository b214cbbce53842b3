"""What the check of the database says where it answers, and takes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url
from sqlalchemy.pool import NullPool

import flowstone_audit
from flowstone_audit import health, migrating, recorder
from flowstone_audit.errors import Unavailable
from plugins.audit.tests.write.log_table import Log
from tests.servers.postgres import Server


def test_a_database_that_is_held_read_only(
    home: Path, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is unhealthy although it answers queries, also to a process that writes nothing."""
    url = postgres.database()
    migrating.upgrade(create_engine(url, poolclass=NullPool))
    postgres.sql(f"ALTER DATABASE {make_url(url).database} SET default_transaction_read_only = on")
    monkeypatch.setenv("FLOWSTONE_AUDIT_URL", url)
    found = health.database()
    assert ("unhealthy", True) == (found.status, "read-only" in found.message)


def test_what_keeps_entries_waiting_is_told(audit_log: Log) -> None:
    """As long as they wait, and no longer."""
    flowstone_audit.log("a.b", actor_id="ann", actor_type="user")
    assert "healthy" == health.database().status
    chores = recorder.current().chores
    chores.failed(Unavailable("somebody put a rule in the way"))
    assert flowstone_audit.log("a.b", actor_id="ann", actor_type="user").seq is None
    found = health.database()
    assert ("unhealthy", True) == (found.status, "somebody put a rule in the way" in found.message)
    chores.ingest(5.0)
    assert "healthy" == health.database().status
