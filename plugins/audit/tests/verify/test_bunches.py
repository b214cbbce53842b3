"""Entries that SQLite gives many at once are held against their seals as they are one by one."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import Connection, text

from flowstone_audit.verifying.report import Report
from flowstone_audit.verifying.sqlite import SqliteSource
from plugins.audit.tests.verify.story import Story, clean
from plugins.audit.tests.verify.test_columns import BYTES, COLUMNS, MOMENTS, NUMBERS, SEQ, changed

pytestmark = pytest.mark.parametrize("told", ["sqlite"], indirect=True)


def told_by(report: Report) -> list[Any]:
    """Return all that a verification found."""
    return [report.entries, report.erased, *report.findings]


@pytest.fixture
def one_by_one(told: Story, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what tells what is found where no entries are read in one."""

    def verified() -> list[Any]:
        with monkeypatch.context() as patched:
            patched.setattr(SqliteSource, "bunched", 0)
            return told_by(told.verify())

    return verified


def others(column: str) -> tuple[str, ...]:
    """Return the types that a value of a column can have beside its own, and read the same."""
    if column in NUMBERS | MOMENTS:
        return "TEXT", "BLOB", "REAL"
    return ("TEXT",) if column in BYTES else ("BLOB",)


def untyped(connection: Connection, column: str, change: str) -> None:
    """Change a value of one entry as bytes of the file: its column takes it as it is, of whatever type."""
    driver: Any = connection.connection.driver_connection
    ask = "SELECT sql FROM sqlite_master WHERE name = 'flowstone_audit_log'"
    declared = driver.execute(ask).fetchone()[0]
    loose = re.sub(rf"^( *{column}) \w+", r"\1 BLOB", declared, flags=re.MULTILINE)
    for sql in (loose, declared):
        driver.execute("PRAGMA writable_schema = ON")
        driver.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'flowstone_audit_log'", (sql,))
        driver.execute("PRAGMA writable_schema = RESET")
        if sql is not declared:
            driver.execute(f"UPDATE flowstone_audit_log SET {column} = {change} WHERE seq = {SEQ}")
    connection.commit()


@pytest.mark.parametrize(
    ("column", "kind"), [(column, kind) for column in COLUMNS for kind in others(column)]
)
def test_a_value_of_another_type(told: Story, one_by_one: Any, column: str, kind: str) -> None:
    """A value that reads the same and is of another type is found, in each column."""
    with told.attacking() as connection:
        untyped(connection, column, f"CAST({column} AS {kind})")
    report = told.verify()
    assert SEQ in {one.seq for one in report.alarms}
    assert one_by_one() == told_by(report)


def test_bytes_moved_to_the_next_hash(told: Story, one_by_one: Any) -> None:
    """Hashes that are the same one behind the other, and differ one by one, are found."""
    with told.attacking() as connection:
        ask = text(f"SELECT row_hash FROM flowstone_audit_log WHERE seq IN ({SEQ}, {SEQ + 1}) ORDER BY seq")
        one, other = connection.execute(ask).scalars()
        for seq, new in ((SEQ, one[:-1]), (SEQ + 1, one[-1:] + other)):
            changed(connection, f"UPDATE flowstone_audit_log SET row_hash = x'{new.hex()}' WHERE seq = {seq}")
    report = told.verify()
    assert [SEQ, SEQ + 1] == [one.seq for one in report.alarms]
    assert one_by_one() == told_by(report)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 12, 31, 32, 33])
def test_of_any_size(told: Story, one_by_one: Any, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """How many are read in one changes nothing of what is found."""
    monkeypatch.setattr(SqliteSource, "bunched", size)
    clean(told)
    with told.attacking() as connection:
        changed(connection, f"UPDATE flowstone_audit_log SET action = 'x' WHERE seq = {SEQ}")
        changed(connection, "UPDATE flowstone_audit_log SET client_ip = 'x' WHERE seq = 11")
        changed(connection, "DELETE FROM flowstone_audit_log WHERE seq = 17")
    report = told.verify()
    assert {SEQ, 11, 17} <= {one.seq for one in report.alarms}
    assert one_by_one() == told_by(report)
