from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, text

from flowstone_audit.row import PRIVATE, Row
from flowstone_audit.verifying.report import TAMPERED
from plugins.audit.tests.verify.story import Story

COLUMNS = ("inserted_at", *Row._fields)
BYTES = {"id", "nonce", "commitment", "row_hash"}
MOMENTS = {"inserted_at", "occurred_at"}
NUMBERS = {"v", "ordinal"}
WORDS = {"actor_type": "actor_type = CASE actor_type WHEN 'user' THEN 'api' ELSE 'user' END"}
SEQ = 5
"""An entry with private columns (every third is one), neither first nor last of its batch."""
OTHER = 8


def edit(connection: Connection, column: str) -> None:
    """Change a value to another one of its kind."""
    sqlite = connection.dialect.name == "sqlite"
    if column in MOMENTS:
        change = f"{column} = {column} + 1" if sqlite else f"{column} = {column} + interval '1 microsecond'"
    elif column in NUMBERS:
        change = f"{column} = {column} + 1"
    elif column == "id":
        change = "id = randomblob(16)" if sqlite else "id = gen_random_uuid()"
    elif column in BYTES:
        change = f"{column} = randomblob(32)" if sqlite else f"{column} = sha256({column})"
    elif column == "outcome":
        change = "outcome = CASE outcome WHEN 'denied' THEN 'success' ELSE 'denied' END"
    else:
        change = WORDS.get(column, f"{column} = {column} || ' '")
    changed(connection, f"UPDATE flowstone_audit_log SET {change} WHERE seq = {SEQ}")


def null(connection: Connection, column: str) -> None:
    """Empty a value, whatever the table says."""
    loosen(connection, column)
    changed(connection, f"UPDATE flowstone_audit_log SET {column} = NULL WHERE seq = {SEQ}")


def swap(connection: Connection, column: str) -> None:
    """Exchange the values of two entries."""
    ask = f"SELECT {column} FROM flowstone_audit_log WHERE seq = :seq"
    values = {seq: connection.execute(text(ask), {"seq": seq}).scalar() for seq in (SEQ, OTHER)}
    spare: Any = {"id": b"\1" * 16}.get(column) if connection.dialect.name == "sqlite" else "1" * 32
    change = text(f"UPDATE flowstone_audit_log SET {column} = :value WHERE seq = :seq")
    if column == "id":
        connection.execute(change, {"value": spare, "seq": OTHER})  # unique
    connection.execute(change, {"value": values[OTHER], "seq": SEQ})
    connection.execute(change, {"value": values[SEQ], "seq": OTHER})
    connection.commit()


def changed(connection: Connection, statement: str) -> None:
    """Run a statement that changes one row."""
    assert 1 == connection.execute(text(statement)).rowcount
    connection.commit()


def loosen(connection: Connection, column: str) -> None:
    """Let a column be NULL: the table's word is rewritten."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"ALTER TABLE flowstone_audit_log ALTER COLUMN {column} DROP NOT NULL"))
        return
    connection.commit()
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA writable_schema = ON")
    driver.execute("BEGIN IMMEDIATE")
    old = driver.execute("SELECT sql FROM sqlite_master WHERE name = 'flowstone_audit_log'").fetchone()[0]
    new = "\n".join(
        line.replace(" NOT NULL", "") if line.strip().startswith(f"{column} ") else line
        for line in old.split("\n")
    )
    driver.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'flowstone_audit_log'", (new,))
    version = driver.execute("PRAGMA schema_version").fetchone()[0]
    driver.execute(f"PRAGMA schema_version = {version + 1}")
    driver.execute("COMMIT")
    driver.execute("PRAGMA writable_schema = OFF")


@pytest.mark.parametrize("column", COLUMNS)
def test_an_edited_column_is_found(told: Story, column: str) -> None:
    """Whatever column of an entry is edited, the entry is named as modified."""
    with told.attacking() as connection:
        edit(connection, column)
    report = told.verify()
    assert (TAMPERED, "modified", SEQ) == (
        report.code,
        report.first and report.first.kind,
        report.first and report.first.seq,
    )
    assert {"modified"} == set(report.counts)
    assert (SEQ,) == tuple(one.seq for one in report.findings)


@pytest.mark.parametrize("column", COLUMNS)
def test_an_emptied_column_is_found(told: Story, column: str) -> None:
    """Whatever column of an entry is emptied, the entry is named, and the column where it can be told."""
    with told.attacking() as connection:
        null(connection, column)
    report = told.verify()
    assert TAMPERED == report.code
    first = report.first
    assert first is not None
    assert ("modified", SEQ) == (first.kind, first.seq)
    told_of = {
        "v", "actor_type", "outcome", "action", "ordinal", "commitment", "row_hash", "nonce"
    }  # fmt: skip
    if column in told_of:
        assert (column,) == first.fields


@pytest.mark.parametrize("column", COLUMNS)
def test_exchanged_values_are_found(told: Story, column: str) -> None:
    """When two entries exchange the values of a column, both are named, and the column is."""
    with told.attacking() as connection:
        swap(connection, column)
    report = told.verify()
    if column == "v" or (column == "inserted_at" and told.is_sqlite):
        assert "proven" == report.verdict  # they were the same
        return
    assert {SEQ, OTHER} >= {one.seq for one in report.findings}
    assert {"modified"} == set(report.counts)
    first = report.first
    assert first is not None
    assert SEQ == first.seq
    if column not in ("actor_type", "outcome", "row_hash", "nonce", *MOMENTS):
        assert (column,) == first.fields


def test_seqs_of_two_entries_exchanged(told: Story) -> None:
    """When two entries exchange their numbers, both are named as standing in each other's place."""
    with told.attacking() as connection:
        for before, after in ((SEQ, 999), (OTHER, SEQ), (999, OTHER)):
            changed(connection, f"UPDATE flowstone_audit_log SET seq = {after} WHERE seq = {before}")
    report = told.verify()
    assert {"modified": 2} == report.counts
    assert [(SEQ, ("seq",)), (OTHER, ("seq",))] == [(one.seq, one.fields) for one in report.findings]


def test_a_number_that_was_changed(told: Story) -> None:
    """An entry that was given another number is missing under its own, and found under the other one."""
    with told.attacking() as connection:
        changed(connection, f"UPDATE flowstone_audit_log SET seq = 1000 WHERE seq = {SEQ}")
    report = told.verify()
    assert TAMPERED == report.code
    assert {"modified", "deleted"} >= {one.kind for one in report.alarms if one.seq == SEQ}
    assert SEQ == (report.first and report.first.seq)


def test_every_column_at_once(told: Story) -> None:
    """An entry that was written anew with a hash that fits is named."""
    with told.attacking() as connection:
        for column in COLUMNS:
            if column not in ("id", *PRIVATE, "commitment"):
                edit(connection, column)
    report = told.verify()
    assert [("modified", SEQ)] == [(one.kind, one.seq) for one in report.findings]
