"""A database that is another than the one we had open: a file put in its place, a server that took over."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

import flowstone_audit
from flowstone_audit import config, database, health, migrating, queries, recorder
from flowstone_audit.entry import AuditEntry
from tests.servers.postgres import Server


def log(event_type: str) -> AuditEntry:
    return flowstone_audit.log(event_type, actor_id="ann", actor_type="user")


def copied(home: Path) -> Path:
    """Return a copy of the log as it is now, beside it."""
    with (
        closing(sqlite3.connect(home / "audit.db")) as here,
        closing(sqlite3.connect(home / "copy")) as there,
    ):
        here.backup(there)
    return home / "copy"


def remove(home: Path) -> None:
    """Put the log's files out of the way; whoever has them open goes on seeing them."""
    (home / "aside").mkdir()
    for path in home.glob("audit.db*"):
        path.rename(home / "aside" / path.name)


def types(home: Path) -> list[str]:
    """Return what the file that is there now holds, as everybody else sees it."""
    with closing(sqlite3.connect(home / "audit.db")) as there:
        return [kind for (kind,) in there.execute("SELECT event_type FROM flowstone_audit_log ORDER BY seq")]


def test_a_file_that_is_replaced_after_a_failure(home: Path) -> None:
    """Entries go into the file in place of the old one also where no connection was kept for writing."""
    log("first")
    with closing(sqlite3.connect(home / "audit.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert log("locked.out").seq is None
        other.execute("ROLLBACK")
    copy = copied(home)
    remove(home)
    copy.rename(home / "audit.db")
    recorder.current().chores.ingest(5.0)
    assert log("after").seq is not None
    assert ["first", "locked.out", "after"] == types(home)


def test_a_file_that_is_removed_after_a_fork(home: Path) -> None:
    """Its tables are made anew, although the fork closed the connections by which it would have been seen."""
    log("first")
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    remove(home)
    log("lost.sight")
    recorder.current().chores.ingest(5.0)
    assert log("after").seq is not None
    assert ["lost.sight", "after"] == types(home)


def test_a_query_sees_the_file_that_is_there(home: Path) -> None:
    """A process that only reads shows what was put in place of the file it had open."""
    log("before")
    copy = copied(home)
    log("not.in.the.copy")
    recorder.current().chores.stop()  # it seals, and would make a file between the removed and the one put there
    database.close_all()
    recorder.replace(None)
    assert ["before", "not.in.the.copy"] == [one.event_type for one in queries.entries().entries]
    remove(home)
    copy.rename(home / "audit.db")
    assert ["before"] == [one.event_type for one in queries.entries().entries]


def test_a_query_makes_no_file_in_place_of_the_removed(home: Path) -> None:
    """Where the file was taken away the query says so."""
    log("before")
    assert 1 == len(queries.entries().entries)
    remove(home)
    with pytest.raises(flowstone_audit.SchemaMismatch, match="no audit log at"):
        queries.entries()
    assert not (home / "audit.db").exists()


@pytest.mark.parametrize("other", ["another", "none"])
def test_a_connection_knows_its_file(home: Path, other: str) -> None:
    """None to a file that is gone is used again, neither one kept for queries nor one of the pool."""
    log("before")
    kept = database.of(config.load())
    with kept.reading() as first, kept.connect() as second:
        drivers = {first.connection.driver_connection, second.connection.driver_connection}
    copy = copied(home)
    remove(home)
    if other == "another":
        copy.rename(home / "audit.db")
    assert not kept.prepared
    with kept.reading() as first, kept.connect() as second:
        assert not drivers & {first.connection.driver_connection, second.connection.driver_connection}


@pytest.mark.parametrize(("given", "expected"), [("off", "on"), ("local", "local"), ("remote_apply",) * 2])
def test_what_is_acknowledged_survives_a_crash(postgres: Server, given: str, expected: str) -> None:
    """A server that would acknowledge before it has written is asked not to; stricter ones are left so."""
    url = postgres.database()
    postgres.sql(f"ALTER DATABASE {make_url(url).database} SET synchronous_commit = {given}")
    made = database.Database(url)
    with made.connect() as connection:
        connection.rollback()  # what was set holds beyond the first transaction
        assert expected == connection.execute(text("SHOW synchronous_commit")).scalar()
    made.close()


def test_a_server_that_took_over_with_older_tables(
    home: Path, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No entry is written into them: they wait in the spool, as at the start."""
    url, older = postgres.database(), postgres.database()
    for one, revision in ((url, "head"), (older, "0002")):
        migrating.upgrade(create_engine(one, poolclass=NullPool), revision)
    monkeypatch.setenv("FLOWSTONE_AUDIT_URL", url)
    assert log("before").seq is not None
    name, other = make_url(url).database, make_url(older).database
    for statement in (
        f"ALTER DATABASE {name} ALLOW_CONNECTIONS false",
        f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'",
        f"ALTER DATABASE {name} RENAME TO {name}_away",
        f"ALTER DATABASE {other} RENAME TO {name}",
    ):
        postgres.sql(statement)
    entries = [log("after")]
    for _ in range(3):  # each may find one more connection ended
        recorder.current().chores.ingest(5.0)
        entries.append(log("after"))
    assert [None] * 4 == [entry.seq for entry in entries]
    assert "0" == postgres.sql("SELECT count(*) FROM flowstone_audit_log", str(name)).strip()
    assert "unhealthy" == health.database().status
