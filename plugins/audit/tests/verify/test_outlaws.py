"""What nobody may write, written while guards and checks were away: below the first number, or of another type."""

from __future__ import annotations

import sqlite3
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import text

from flowstone_audit import guards, insert
from flowstone_audit.finding import Finding
from flowstone_audit.row import Row
from flowstone_audit.verifying.report import TAMPERED
from plugins.audit.tests.verify.story import Story, file_of, private, row


def put(story: Story, seq: int, made: Row) -> None:
    """Have the owner write an entry under a number of their choice."""
    names = ("seq", "inserted_at", *Row._fields)
    with story.attacking() as connection:
        at = connection.execute(text("SELECT inserted_at FROM flowstone_audit_log WHERE seq = 1")).scalar()
        driver: Any = connection.connection.driver_connection
        values = list(made) if story.is_sqlite else list(insert.for_postgresql([made]))
        if not story.is_sqlite:
            at = driver.execute("SELECT inserted_at FROM flowstone_audit_log WHERE seq = 1").fetchone()[0]
        mark = "?" if story.is_sqlite else "%s"
        marks = ", ".join([mark] * len(names))
        driver.execute(
            f"INSERT INTO flowstone_audit_log ({', '.join(names)}) VALUES ({marks})", [seq, at, *values]
        )
        connection.commit()


@pytest.mark.parametrize("seq", [0, -5])
def test_an_entry_below_the_first_number(told: Story, seq: int) -> None:
    """An entry under a number that none gets is named, though its hash is right."""
    put(told, seq, row(actor_id="forged"))
    for jobs in (1, 2):
        report = told.verify(jobs=jobs)
        assert TAMPERED == report.code
        assert ("inserted late", seq) in {(one.kind, one.seq) for one in report.alarms}


def test_a_seal_below_the_first_leaf(told: Story) -> None:
    """A seal that begins before the first leaf is named."""
    with told.attacking() as connection:
        columns = "leaves, seqs, hashes, root, frontier, high, gaps, note, sealed_at"
        connection.execute(
            text(
                f"INSERT INTO flowstone_audit_seal (first_leaf, {columns})"
                f" SELECT -7, {columns} FROM flowstone_audit_seal WHERE first_leaf = 0"
            )
        )
        connection.commit()
    assert ("seal altered", -7) in {(one.kind, one.leaf) for one in told.verify().alarms}


def without_checks(story: Story, **given: Any) -> None:
    """Write an entry by a connection that has SQLite's checks switched off, and all guards on."""
    driver = sqlite3.connect(file_of(story), isolation_level=None)
    driver.execute("PRAGMA ignore_check_constraints = ON")
    now = driver.execute("SELECT CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)").fetchone()[0]
    values = {"inserted_at": now, **row()._asdict(), **given}
    marks = ", ".join("?" * len(values))
    driver.execute(
        f"INSERT INTO flowstone_audit_log ({', '.join(values)}) VALUES ({marks})", list(values.values())
    )
    driver.close()


def _of_no_id() -> dict[str, Any]:
    """Return a text in the place of an id, with the hash of what the database writes for it."""
    from flowstone_audit import canonical

    made = row()
    said = canonical.row_bytes(made).replace(f'"{made.id.hex()}"'.encode(), b"null")
    return {**made._asdict(), "id": "text", "row_hash": sha256(said).digest()}


@pytest.mark.parametrize("told", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "given",
    [
        {"row_hash": "abc"},
        {"row_hash": b"1"},
        row(actor_type="root")._asdict(),
        row(outcome="odd")._asdict(),
        _of_no_id(),
        private(nonce=b"short")._asdict(),
    ],
    ids=["text hash", "short hash", "actor_type", "outcome", "id", "nonce"],
)
def test_what_the_checks_refuse(told: Story, given: dict[str, Any]) -> None:
    """A row that came past the checks is named before and after it is sealed, and what follows is sealed too."""
    without_checks(told, **given)
    told.write(row())
    assert 33 in {one.seq for one in told.verify().alarms}
    sealed = told.seal()
    assert sealed is not None
    assert (32, 2) == (sealed.first_leaf, sealed.leaves)
    assert {33} == {one.seq for one in told.verify().alarms}


@pytest.mark.parametrize("told", ["sqlite"], indirect=True)
@pytest.mark.parametrize("given", [{"actor_type": "root"}, {"outcome": "odd"}], ids=["actor_type", "outcome"])
def test_what_the_checks_refuse_before_a_checkpoint(told: Story, given: dict[str, Any]) -> None:
    """Such a row is named though entries are verified only from a later checkpoint on."""
    without_checks(told, **row(**given)._asdict())
    told.seal()
    told.write(row())
    assert {33} == {one.seq for one in told.verify(since=told.notes[-1]).alarms}


@pytest.mark.parametrize("told", ["sqlite"], indirect=True)
def test_a_date_of_another_type(told: Story) -> None:
    """A date that is no whole number is named, and keeps nothing from being sealed."""
    driver = sqlite3.connect(file_of(told))
    now = driver.execute("SELECT (julianday('now') - 2440587.5) * 86400000000").fetchone()[0]
    driver.close()
    without_checks(told, inserted_at=int(now) + 0.5)
    told.write(row())
    assert told.seal() is not None
    assert {33} == {one.seq for one in told.verify().alarms}


@pytest.mark.parametrize("told", ["sqlite"], indirect=True)
def test_a_last_number_that_is_none(told: Story) -> None:
    """Anything may stand where SQLite keeps the last number given, and a verification says so."""
    with told.engine.connect() as connection:
        connection.exec_driver_sql("UPDATE sqlite_sequence SET seq = 'x'")
        connection.commit()
        assert [Finding("flowstone_audit_log.seq", "altered")] == guards.findings(connection)
    assert ["guards missing"] == [one.kind for one in told.verify().alarms]


@pytest.mark.parametrize("told", ["postgresql"], indirect=True)
@pytest.mark.parametrize("moment", ["infinity", "-infinity", "294276-01-01"])
def test_a_date_that_no_program_can_hold(told: Story, moment: str) -> None:
    """A date without end that the owner writes before it is sealed is named, and keeps nothing from being sealed."""
    told.write(row(), row())
    with told.attacking() as connection:
        connection.execute(
            text("UPDATE flowstone_audit_log SET inserted_at = CAST(:at AS timestamptz) WHERE seq = 33"),
            {"at": moment},
        )
        connection.commit()
    sealed = told.seal()
    assert sealed is not None
    assert (32, 2) == (sealed.first_leaf, sealed.leaves)
    assert {33} == {one.seq for one in told.verify().alarms}
