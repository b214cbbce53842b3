from __future__ import annotations

import sqlite3

import pytest
from sqlalchemy import Engine

from flowstone_audit import frozen, guards
from flowstone_audit.finding import Finding

_TABLES = ("log", "seal", "meta", "erasure", "floor")


def _objects(kind: str) -> list[str]:
    """Return the names of what the revisions make, of one kind."""
    made = sqlite3.connect(":memory:")
    for revision in frozen.REVISIONS:
        for statement in frozen.statements(revision, "sqlite", "up"):
            made.execute(statement)
    found = made.execute(
        "SELECT name FROM sqlite_master WHERE type = ? AND sql IS NOT NULL", (kind,)
    ).fetchall()
    made.close()
    return [name for (name,) in found if name.startswith("flowstone_audit")]


def _found(engine: Engine, *script: str) -> list[Finding]:
    with engine.connect() as connection:
        assert guards.findings(connection) == []
        for statement in script:
            connection.exec_driver_sql(statement)
        connection.commit()
    with engine.connect() as connection:
        assert guards.missing(connection) == sorted({finding.name for finding in guards.findings(connection)})
        return guards.findings(connection)


def test_there_are_guards_to_lose() -> None:
    """Every table has a guard against each of INSERT OR REPLACE, UPDATE and DELETE."""
    expected = {
        f"flowstone_audit_{table}_{verb}" for table in _TABLES for verb in ("insert", "update", "delete")
    }
    assert expected <= set(_objects("trigger"))


@pytest.mark.parametrize("name", _objects("trigger"))
def test_a_dropped_trigger_is_found(lite: Engine, name: str) -> None:
    """A guard that was dropped is named."""
    assert [Finding(name, "absent")] == _found(lite, f"DROP TRIGGER {name}")


@pytest.mark.parametrize("name", _objects("trigger"))
def test_a_hollow_trigger_is_found(lite: Engine, name: str) -> None:
    """A guard of the same name that does nothing is named."""
    table, _, verb = name.removeprefix("flowstone_audit_").partition("_")
    event = {"inserted": "AFTER INSERT"}.get(verb, f"BEFORE {verb.upper()}")
    hollow = f"CREATE TRIGGER {name} {event} ON flowstone_audit_{table} BEGIN SELECT 1; END"
    assert [Finding(name, "altered")] == _found(lite, f"DROP TRIGGER {name}", hollow)


@pytest.mark.parametrize("name", _objects("index"))
def test_a_dropped_index_is_found(lite: Engine, name: str) -> None:
    """An index that was dropped is named: one of them keeps ids unique."""
    assert [Finding(name, "absent")] == _found(lite, f"DROP INDEX {name}")


@pytest.mark.parametrize("table", _TABLES)
def test_a_dropped_table_is_found(lite: Engine, table: str) -> None:
    """A table that was dropped is named, with its guards."""
    found = _found(lite, f"DROP TABLE flowstone_audit_{table}")
    assert {Finding(f"flowstone_audit_{table}{end}", "absent") for end in ("", "_update", "_delete")} <= set(
        found
    )


@pytest.mark.parametrize("table", _TABLES)
def test_a_table_under_another_name_is_found(lite: Engine, table: str) -> None:
    """A table that was renamed is named, also when a view stands in its place."""
    found = _found(
        lite,
        f"ALTER TABLE flowstone_audit_{table} RENAME TO hidden",
        f"CREATE VIEW flowstone_audit_{table} AS SELECT * FROM hidden",
    )
    assert f"flowstone_audit_{table}" in {finding.name for finding in found}


@pytest.mark.parametrize("table", _TABLES)
def test_a_changed_table_is_found(lite: Engine, table: str) -> None:
    """A table with other columns is named."""
    name = f"flowstone_audit_{table}"
    assert [Finding(name, "altered")] == _found(lite, f"ALTER TABLE {name} ADD COLUMN updated_at TEXT")


def test_a_trigger_that_swallows_entries_is_found(lite: Engine) -> None:
    """A trigger that is not ours is named: it could keep entries from being written without an error."""
    mute = "CREATE TRIGGER mute BEFORE INSERT ON flowstone_audit_log BEGIN SELECT RAISE(IGNORE); END"
    assert [Finding("mute", "unknown")] == _found(lite, mute)


def test_a_trigger_by_the_name_of_an_index_is_found(lite: Engine) -> None:
    """Triggers have names of their own: one that is called as an index of ours is named all the same."""
    mute = "CREATE TRIGGER flowstone_audit_log_run BEFORE INSERT ON flowstone_audit_log BEGIN SELECT RAISE(IGNORE); END"
    with lite.connect() as connection:
        made = connection.exec_driver_sql(
            "SELECT sql FROM sqlite_master WHERE name = 'flowstone_audit_log_run'"
        ).scalar_one()
    found = _found(lite, "DROP INDEX flowstone_audit_log_run", mute, made)
    assert [Finding("flowstone_audit_log_run", "unknown")] == found


def test_an_edit_of_the_schema_is_found(lite: Engine) -> None:
    """With writable_schema the guards' own text can be changed, and that is named."""
    assert [Finding("flowstone_audit_log_update", "altered")] == _found(
        lite,
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_master SET sql = replace(sql, 'WHEN NOT', 'WHEN 0 AND') WHERE name = 'flowstone_audit_log_update'",
    )


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE sqlite_sequence SET seq = 1000", "altered"),
        ("UPDATE sqlite_sequence SET seq = 9223372036854775807", "altered"),
        ("UPDATE sqlite_sequence SET seq = 0", "altered"),
        ("DELETE FROM sqlite_sequence", "absent"),
    ],
)
def test_a_moved_sequence_is_found(lite: Engine, statement: str, what: str) -> None:
    """The last number given can be changed by whoever holds the file; until the next entry that is named."""
    assert [("flowstone_audit_log.seq", what)] == _found(lite, statement)


def test_a_sequence_that_was_set_back_gives_no_number_twice(lite: Engine) -> None:
    """Setting the last number back has no effect: the next entry comes after the last one."""
    from flowstone_audit import insert
    from plugins.audit.tests.attack.scene import row

    with lite.connect() as connection, connection.begin():
        connection.exec_driver_sql("UPDATE sqlite_sequence SET seq = 0")
        insert.rows(connection, [row()])
        assert 4 == connection.exec_driver_sql("SELECT max(seq) FROM flowstone_audit_log").scalar()
