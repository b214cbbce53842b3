from __future__ import annotations

import pytest
from sqlalchemy import text

from flowstone_audit.columns import to_datetime
from flowstone_audit.row import Row
from flowstone_audit.verifying.report import TAMPERED, Report
from plugins.audit.tests.verify.story import Story, row

COLUMNS = ", ".join(Row._fields)


def run(story: Story, *statements: str) -> None:
    """Have the owner run statements while the guards are away."""
    with story.attacking() as connection:
        for statement in statements:
            connection.execute(text(statement))
        connection.commit()


def kinds(report: Report) -> list[tuple[str, int | None, int | None]]:
    """Return what was found, and where."""
    return [(one.kind, one.seq, one.last) for one in report.findings]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("seq = 1", ("deleted", 1, 1)),
        ("seq = 5", ("deleted", 5, 5)),
        ("seq BETWEEN 10 AND 15", ("deleted", 10, 15)),
        ("seq BETWEEN 13 AND 20", ("deleted", 13, 20)),
        ("seq = 32", ("truncated", 32, 32)),
        ("seq > 10", ("truncated", 11, 32)),
        ("true", ("truncated", 1, 32)),
    ],
    ids=["first", "middle", "over-two-seals", "whole-seals", "last", "tail", "all"],
)
def test_deleted_entries(told: Story, where: str, expected: tuple[str, int, int]) -> None:
    """Deleted entries are named from the first to the last, and whether the end was cut off."""
    run(told, f"DELETE FROM flowstone_audit_log WHERE {where}")
    report = told.verify()
    assert TAMPERED == report.code
    assert [expected] == kinds(report)
    assert [expected] == kinds(told.verify(jobs=2))


def test_a_truncated_table(told: Story) -> None:
    """An emptied table with its counter set back is found."""
    if told.is_sqlite:
        run(told, "DELETE FROM flowstone_audit_log", "DELETE FROM sqlite_sequence")
    else:
        run(told, "TRUNCATE flowstone_audit_log RESTART IDENTITY")
    assert [("truncated", 1, 32)] == kinds(told.verify())


def test_deleted_and_written_on(told: Story) -> None:
    """Entries deleted at the end are found when others came after them."""
    run(told, "DELETE FROM flowstone_audit_log WHERE seq > 28")
    told.fill(3)
    report = told.verify()
    assert ("deleted", 29, 32) == (report.first and (report.first.kind, report.first.seq, report.first.last))


def test_deleted_before_it_was_sealed(told: Story) -> None:
    """In SQLite, whose numbers have no gaps, what is deleted before it is sealed is found as well."""
    if not told.is_sqlite:
        pytest.skip("in PostgreSQL a rolled back transaction leaves the same gap")
    told.write(row(), row(), row())
    run(told, "DELETE FROM flowstone_audit_log WHERE seq = 34")
    assert [("deleted", 34, 34)] == kinds(told.verify())
    told.seal()
    assert [("deleted", 34, 34)] == kinds(told.verify())


def test_the_end_deleted_before_it_was_sealed(told: Story) -> None:
    """In SQLite, what is deleted at the end before it is sealed is found by the counter."""
    if not told.is_sqlite:
        pytest.skip("in PostgreSQL a rolled back transaction leaves the same gap")
    told.write(row(), row())
    run(told, "DELETE FROM flowstone_audit_log WHERE seq > 32")
    assert [("deleted", 33, 34)] == kinds(told.verify())


def test_a_replaced_entry(told: Story) -> None:
    """An entry that was replaced by another one, made as a writer makes it, is found."""
    forged = row()
    run(told, "DELETE FROM flowstone_audit_log WHERE seq = 5")
    _insert(told, forged, 5)
    assert [("modified", 5, None)] == kinds(told.verify())


def test_a_duplicate_with_the_same_id(told: Story) -> None:
    """A copy of an entry under another number is found, sealed or not, and so is the index that it broke."""
    index = "flowstone_audit_log_id" if told.is_sqlite else "flowstone_audit_log_id_key"
    drop = (
        f"DROP INDEX {index}"
        if told.is_sqlite
        else f"ALTER TABLE flowstone_audit_log DROP CONSTRAINT {index}"
    )
    seq = 33 if told.is_sqlite else 1033
    at = "inserted_at" if told.is_sqlite else "clock_timestamp()"
    copy = f"INSERT INTO flowstone_audit_log (seq, inserted_at, {COLUMNS}) SELECT {seq}, {at}, {COLUMNS} FROM flowstone_audit_log WHERE seq = 5"
    again = f"CREATE INDEX {index} ON flowstone_audit_log (id)"
    run(told, drop, copy, again)
    report = told.verify(allowed=frozenset({"guards missing"}))
    assert [("duplicated", seq, None)] == [(one.kind, one.seq, one.last) for one in report.alarms]
    told.seal()
    report = told.verify(allowed=frozenset({"guards missing"}))
    assert [("duplicated", seq, None)] == [(one.kind, one.seq, one.last) for one in report.alarms]
    assert "guards missing" in told.verify().counts


def test_a_copy_under_a_new_id(told: Story) -> None:
    """A copy of an entry under a new id has a hash that does not fit."""
    seq = 33 if told.is_sqlite else 1033
    at = "inserted_at" if told.is_sqlite else "clock_timestamp()"
    id = "randomblob(16)" if told.is_sqlite else "gen_random_uuid()"
    values = COLUMNS.replace("id,", f"{id},", 1)
    run(
        told,
        f"INSERT INTO flowstone_audit_log (seq, inserted_at, {COLUMNS})"
        f" SELECT {seq}, {at}, {values} FROM flowstone_audit_log WHERE seq = 5",
    )
    assert ("modified", seq, None) in kinds(told.verify())
    told.seal()
    assert ("modified", seq, None) in kinds(told.verify())


def test_an_entry_put_in_later(told: Story) -> None:
    """An entry forged into a number that was free is found, before and after a sealer has taken it in."""
    if told.is_sqlite:
        told.write(row(), row())
        run(told, "DELETE FROM flowstone_audit_log WHERE seq = 33")
        told.seal()
        free = 33
    else:
        with told.engine.connect() as connection:  # rolled back: the number stays free
            free = connection.execute(text("SELECT nextval('flowstone_audit_log_seq')")).scalar_one()
        told.fill(3, 1)
    _insert(told, row(), free)
    assert ("inserted late", free, None) in kinds(told.verify())
    told.fill(1)
    assert ("inserted late", free, None) in kinds(told.verify())
    with told.engine.connect() as connection:
        from flowstone_audit import sealing, sweep

        with connection.begin():
            late = sweep.find(connection)
        assert late is not None
        made = sealing.seal_once(connection, told.signer, late=late)
    assert made is not None
    told.notes.append(made.note)
    assert ("inserted late", free, None) in kinds(told.verify())
    assert ("inserted late", free, None) in kinds(told.verify(jobs=2))


def test_a_back_dated_entry(told: Story) -> None:
    """An entry that is dated an hour back is found, sealed or not."""
    told.write(row())
    seq = 34
    if not told.is_sqlite:
        with told.engine.connect() as connection:
            seq = connection.execute(text("SELECT nextval('flowstone_audit_log_seq')")).scalar_one()
    _insert(told, row(), seq, "- 3600000000", "- interval '1 hour'")
    assert ("back-dated", seq, None) in kinds(told.verify())
    told.fill(2)
    report = told.verify()
    assert ("back-dated", seq, None) in kinds(report)
    assert TAMPERED == report.code


def _insert(story: Story, one: Row, seq: int, sqlite: str = "", postgresql: str = "") -> None:
    """Put an entry in under a number, dated now."""
    now = f"CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER) {sqlite}"
    values: list[object] = list(one)
    if not story.is_sqlite:
        now = f"clock_timestamp() {postgresql}"
        values[Row._fields.index("id")] = one.id.hex()
        values[Row._fields.index("occurred_at")] = to_datetime(one.occurred_at)
    places = ", ".join(["?" if story.is_sqlite else "%s"] * len(Row._fields))
    statement = (
        f"INSERT INTO flowstone_audit_log (seq, inserted_at, {COLUMNS}) VALUES ({seq}, {now}, {places})"
    )
    with story.attacking() as connection:
        connection.exec_driver_sql(statement, tuple(values))
        connection.commit()
