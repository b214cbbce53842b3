from __future__ import annotations

import os
import stat
import threading
from pathlib import Path
from typing import Any

import alembic.context
import pytest
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from sqlalchemy import Engine, MetaData, create_engine, inspect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from flowstone_audit import guards, insert, migrating, schema_state, tables
from flowstone_audit.errors import AuditError, SchemaMismatch
from plugins.audit.tests.attack.scene import row
from tests.servers.postgres import Server


def _shape(engine: Engine) -> dict[str, Any]:
    """Return tables, columns, indexes and guards, as the database describes them."""
    found = MetaData()
    found.reflect(engine)
    with engine.connect() as connection:
        findings = guards.findings(connection)
    return {
        "tables": {name: sorted(map(repr, table.columns)) for name, table in found.tables.items()},
        "indexes": sorted(index.name or "" for table in found.tables.values() for index in table.indexes),
        "guards": findings,
    }


def test_the_head_is_alembics() -> None:
    """What the plugin knows of revisions without Alembic is what Alembic knows."""
    script = migrating.scripts()
    assert [schema_state.HEAD] == script.get_heads()
    assert list(schema_state.KNOWN) == sorted(revision.revision for revision in script.walk_revisions())


def test_from_nothing_to_head_and_back(empty: Engine) -> None:
    """Going up, down to nothing and up again ends where the first way up did, and leaves nothing in between."""
    migrating.upgrade(empty)
    first = _shape(empty)
    assert first["guards"] == []
    migrating.downgrade(empty)
    assert ["flowstone_audit_version"] == inspect(empty).get_table_names()
    migrating.upgrade(empty)
    assert first == _shape(empty)


def test_a_host_that_migrates_meanwhile_is_left_alone(empty: Engine) -> None:
    """Making the tables takes nothing from another user of Alembic in the process, whose context is a global."""
    host = Config()
    with EnvironmentContext(host, migrating.scripts()):
        migrating.upgrade(empty)
        assert alembic.context.config is host
    assert schema_state.HEAD == _current(empty)


def test_alembics_own_command_runs_the_revisions(empty: Engine) -> None:
    """Who has an environment of Alembic's gets the same tables from it."""
    migrating.upgrade(empty)
    ours = _shape(empty)
    migrating.downgrade(empty)
    script = migrating.scripts()
    with (
        empty.begin() as connection,
        EnvironmentContext(
            Config(), script, fn=lambda found, _: script._upgrade_revs("head", found)
        ) as alembics,
    ):
        alembics.configure(connection=connection, version_table=schema_state.VERSION_TABLE)
        alembics.run_migrations()
    assert ours == _shape(empty)


def test_every_step_can_be_taken_alone(empty: Engine) -> None:
    """Each revision is reached from the one before and the one after."""
    for revision in (*schema_state.KNOWN, *reversed(schema_state.KNOWN[:-1])):
        if _current(empty) is None or str(_current(empty)) < revision:
            migrating.upgrade(empty, revision)
        else:
            migrating.downgrade(empty, revision)
        assert revision == _current(empty)


def test_up_again_is_nothing(empty: Engine) -> None:
    """A database at head is left as it is: its log keeps its identity."""
    migrating.upgrade(empty)
    before = _log_id(empty)
    migrating.upgrade(empty)
    assert before == _log_id(empty)
    assert [36, 4] == [len(before), before.count("-")]


def test_the_tables_are_those_of_the_queries(empty: Engine) -> None:
    """Names, order and NULL of columns are as the queries expect them."""
    migrating.upgrade(empty)
    asked = inspect(empty)
    for table in tables.metadata.tables.values():
        found = {column["name"]: column["nullable"] for column in asked.get_columns(table.name)}
        keys = {column.name for column in table.primary_key}
        assert [column.name for column in table.columns] == list(found)
        assert {c.name: c.nullable for c in table.columns if c.name not in keys} == {
            name: nullable for name, nullable in found.items() if name not in keys
        }


def test_entries_are_not_destroyed_by_mistake(empty: Engine) -> None:
    """Going down is refused while there are entries, unless that is asked for."""
    migrating.upgrade(empty)
    with empty.connect() as connection, connection.begin():
        insert.rows(connection, [row()])
    with pytest.raises(AuditError, match="holds entries"):
        migrating.downgrade(empty, "0002")
    assert schema_state.HEAD == _current(empty)
    migrating.downgrade(empty, destroy=True)
    assert _current(empty) is None


def test_all_or_nothing(empty: Engine) -> None:
    """A revision that fails leaves the database as it was, those before it included."""
    with empty.connect() as connection, connection.begin():
        connection.exec_driver_sql("CREATE TABLE flowstone_audit_floor (in_the_way int)")
    with pytest.raises(DBAPIError):
        migrating.upgrade(empty)
    assert ["flowstone_audit_floor"] == inspect(empty).get_table_names()


def test_two_at_once(empty: Engine) -> None:
    """Several who migrate at the same time wait for one another, and all succeed."""
    failures: list[Exception] = []

    def migrate() -> None:
        try:
            migrating.upgrade(create_engine(empty.url, poolclass=NullPool))
        except DBAPIError as error:
            failures.append(error)

    threads = [threading.Thread(target=migrate) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert _shape(empty)["guards"] == []


def test_a_newer_database_is_left_alone(empty: Engine) -> None:
    """A database that a later version migrated is neither brought up nor down."""
    migrating.upgrade(empty)
    with empty.connect() as connection, connection.begin():
        connection.exec_driver_sql("UPDATE flowstone_audit_version SET version_num = '0099'")
        assert ("0099", "newer") == (
            schema_state.check(connection).current,
            schema_state.check(connection).kind,
        )
    for change in (migrating.upgrade, migrating.downgrade):
        with pytest.raises(SchemaMismatch, match="install a later version"):
            change(empty)


def test_the_state_of_each_step(empty: Engine) -> None:
    """A database says whether its tables are missing, older or current."""
    assert ["missing", "older", "older", "older", "current"] == [
        _kind(empty),
        *(_kind_at(empty, revision) for revision in schema_state.KNOWN),
    ]


def test_offline_sql_makes_the_same(empty: Engine, tmp_path: Path, postgres: Server) -> None:
    """The SQL for administrators, run by the database's own client, makes what the online way makes."""
    name = empty.dialect.name
    online = postgres.database() if name == "postgresql" else f"sqlite:///{tmp_path}/online.db"
    migrating.upgrade(create_engine(online, poolclass=NullPool))
    halves = migrating.offline_sql(name, "0002"), migrating.offline_sql(name, since="0002")
    for text in halves:
        _run_script(empty, text, postgres)
    assert schema_state.HEAD == _current(empty)
    assert _shape(create_engine(online, poolclass=NullPool)) == _shape(empty)


def test_there_is_no_sql_for_others() -> None:
    """Other databases are refused by name."""
    with pytest.raises(SchemaMismatch, match="mysql"):
        migrating.offline_sql("mysql")


def test_a_new_file_is_its_owners(tmp_path: Path) -> None:
    """A SQLite file that is made has mode 0600, whatever the umask, and so have the files beside it."""
    before = os.umask(0)
    try:
        engine = create_engine(f"sqlite:///{tmp_path}/new/audit.db", poolclass=NullPool)
        migrating.upgrade(engine)
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
            connection.exec_driver_sql("CREATE TABLE t (x)")
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new").iterdir()}
    finally:
        os.umask(before)
    assert dict.fromkeys(("audit.db", "audit.db-wal", "audit.db-shm"), 0o600) == modes


def _run_script(engine: Engine, text: str, postgres: Server) -> None:
    if engine.dialect.name == "postgresql":
        postgres.sql(text, str(engine.url.database))
        return
    with engine.connect() as connection:
        connection.connection.driver_connection.executescript(text)  # type: ignore[union-attr]


def _current(engine: Engine) -> str | None:
    with engine.connect() as connection:
        return schema_state.check(connection).current


def _kind(engine: Engine) -> str:
    with engine.connect() as connection:
        return schema_state.check(connection).kind


def _kind_at(engine: Engine, revision: str) -> str:
    migrating.upgrade(engine, revision)
    return _kind(engine)


def _log_id(engine: Engine) -> str:
    with engine.connect() as connection:
        asked = "SELECT value FROM flowstone_audit_meta WHERE key = 'log_id'"
        return str(connection.exec_driver_sql(asked).scalar_one())
