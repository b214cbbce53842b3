from __future__ import annotations

import os
import random
import shutil
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text

from flowstone_audit import archive, retention
from flowstone_audit.errors import SchemaMismatch, Unavailable
from flowstone_audit.verifying import files
from flowstone_audit.verifying.report import PROVEN, TAMPERED
from flowstone_audit.verifying.source import Damaged
from plugins.audit.tests.verify.story import Story, begun, file_of


def logical(path: Path) -> list[object]:
    """Return all that a file holds as its tables tell it, read row by row."""
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    connection.text_factory = bytes
    try:
        found: list[object] = []
        for table, key in (
            ("log", "seq"),
            ("seal", "first_leaf"),
            ("meta", "key"),
            ("erasure", "entry_id"),
            ("floor", "through_seq"),
        ):
            found += connection.execute(
                f"SELECT * FROM flowstone_audit_{table} NOT INDEXED ORDER BY {key}"
            ).fetchall()
        found += connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
        return [*found, *connection.execute("SELECT * FROM sqlite_sequence").fetchall()]
    finally:
        connection.close()


@pytest.mark.parametrize("told", ["sqlite"], indirect=True)
def test_bytes_of_the_file(told: Story, tmp_path: Path) -> None:
    """Bytes changed in the file are found whenever they change what the file holds, and never alarm where they do not."""
    told.engine.dispose()
    original = file_of(told).read_bytes()
    before = logical(file_of(told))
    draw = random.Random(7)
    found = unchanged = unreadable = 0
    file = file_of(told)
    for _ in range(400):
        at = draw.randrange(len(original))
        file.write_bytes(original[:at] + bytes([original[at] ^ draw.randrange(1, 256)]) + original[at + 1 :])
        try:
            same = logical(file) == before
        except (sqlite3.Error, OverflowError, UnicodeDecodeError):
            same = False
        try:
            report = told.verify()
        except (Damaged, Unavailable, SchemaMismatch):
            assert not same or at < 100, at
            unreadable += 1
            continue
        if same:
            assert report.code in (PROVEN, TAMPERED), report.to_dict()
            assert {"guards missing", "damaged", "duplicated"} >= {one.kind for one in report.alarms}, (
                at,
                report.to_dict(),
            )
            unchanged += 1
        else:
            assert TAMPERED == report.code, (at, report.to_dict())
            found += 1
    assert found > 50
    assert unchanged > 20
    assert unreadable < 60


INDEXES = ("id", "event", "actor", "resource", "correlation", "run")


@pytest.mark.parametrize("told", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", INDEXES)
@pytest.mark.parametrize("rows", ["", "one less", "others"])
def test_an_exchanged_index(told: Story, name: str, rows: str) -> None:
    """An index that was exchanged for one that hides entries, all of them or one, is damage that is named."""
    index = f"flowstone_audit_log_{name}"
    with told.attacking() as connection:
        run = connection.exec_driver_sql
        sql = run(f"SELECT sql FROM sqlite_master WHERE name = '{index}'").scalar_one()
        run("CREATE TABLE t AS SELECT * FROM flowstone_audit_log WHERE false")
        # One that is in each index; which actors are the system's depends on what was made before.
        one = run("SELECT min(seq) FROM flowstone_audit_log WHERE actor_type <> 'system'").scalar_one()
        if rows == "others":  # as many, and one under another name
            run("INSERT INTO t SELECT * FROM flowstone_audit_log")
            columns = ["event_type", "actor_id", "resource_type", "correlation_id", "run_id"]
            changed = ", ".join(f"{name} = {name} || 'x'" for name in columns)
            run(f"UPDATE t SET id = randomblob(16), {changed} WHERE seq = {one}")
        elif rows:
            run(f"INSERT INTO t SELECT * FROM flowstone_audit_log WHERE seq <> {one}")
        run(sql.replace(index, "other", 1).replace("ON flowstone_audit_log", "ON t"))
        run("PRAGMA writable_schema = ON")
        root = "(SELECT rootpage FROM sqlite_master WHERE name = 'other')"
        run(f"UPDATE sqlite_master SET rootpage = {root} WHERE name = '{index}'")
        run("DELETE FROM sqlite_master WHERE name IN ('t', 'other')")
        version = run("PRAGMA schema_version").scalar_one()
        run(f"PRAGMA schema_version = {version + 1}")
        run("PRAGMA writable_schema = OFF")
        connection.commit()
    told.engine.dispose()
    for since in (None, told.notes[1]):  # behind the entry
        report = told.verify(since=since)
        assert ("damaged", (index,)) in {(one.kind, one.fields) for one in report.alarms}, report.to_dict()


@pytest.mark.parametrize("told", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", INDEXES)
@pytest.mark.parametrize("at", [0, 4], ids=["type", "count"])
def test_a_page_of_an_index(told: Story, name: str, at: int) -> None:
    """An index that SQLite cannot read is named, and all else is verified: nothing depends on what it holds."""
    index = f"flowstone_audit_log_{name}"
    with told.engine.connect() as connection:
        run = connection.exec_driver_sql
        page = run(f"SELECT rootpage FROM sqlite_master WHERE name = '{index}'").scalar_one() - 1
        at += page * run("PRAGMA page_size").scalar_one()
    told.engine.dispose()
    content = file_of(told).read_bytes()
    file_of(told).write_bytes(content[:at] + bytes([content[at] ^ 0x80]) + content[at + 1 :])
    report = told.verify()
    assert [("damaged", (index,))] == [(one.kind, one.fields) for one in report.alarms], report.to_dict()


@pytest.mark.parametrize("told", ["sqlite"], indirect=True)
@pytest.mark.parametrize("needle", ["actor_id", "details", "run_id"])
def test_letters_of_the_file(told: Story, needle: str) -> None:
    """A letter changed in the file, past SQLite, names the entry."""
    with told.engine.connect() as connection:
        value = connection.execute(
            text(f"SELECT {needle} FROM flowstone_audit_log WHERE seq = 5")
        ).scalar_one()
    told.engine.dispose()
    content = file_of(told).read_bytes()
    assert value.encode() in content
    changed = value.encode()[:-1] + b"_"
    file_of(told).write_bytes(content.replace(value.encode(), changed))
    report = told.verify()
    assert 5 == (report.first and report.first.seq)
    assert "modified" == (report.first and report.first.kind)


@pytest.mark.parametrize("told", ["sqlite"], indirect=True)
def test_bytes_that_are_no_text(told: Story) -> None:
    """A text that is no UTF-8, and bytes in the place of a text, are found and keep nobody from reading on."""
    with told.attacking() as connection:
        connection.execute(
            text("UPDATE flowstone_audit_log SET actor_id = CAST(x'ff41' AS TEXT) WHERE seq = 5")
        )
        connection.execute(text("UPDATE flowstone_audit_log SET run_id = x'00ff' WHERE seq = 8"))
        connection.execute(text("UPDATE flowstone_audit_log SET id = hex(id) WHERE seq = 9"))
        connection.execute(text("UPDATE flowstone_audit_log SET row_hash = hex(row_hash) WHERE seq = 10"))
        connection.execute(text("UPDATE flowstone_audit_log SET v = 1.5 WHERE seq = 11"))
        connection.execute(text("UPDATE flowstone_audit_log SET inserted_at = 'soon' WHERE seq = 14"))
        connection.execute(text("UPDATE flowstone_audit_log SET inserted_at = -5 WHERE seq = 15"))
        connection.commit()
    report = told.verify()
    assert {5, 8, 9, 10, 11, 14, 15} == {one.seq for one in report.findings}
    assert {"modified"} == set(report.counts)


@pytest.mark.parametrize("told", ["postgresql"], indirect=True)
def test_moments_without_end(told: Story) -> None:
    """Moments that are none are found and keep nobody from reading on."""
    with told.attacking() as connection:
        connection.execute(text("UPDATE flowstone_audit_log SET inserted_at = 'infinity' WHERE seq = 5"))
        connection.execute(text("UPDATE flowstone_audit_log SET occurred_at = '-infinity' WHERE seq = 8"))
        connection.execute(text("UPDATE flowstone_audit_log SET occurred_at = '294276-01-01' WHERE seq = 9"))
        connection.commit()
    assert {5, 8, 9} == {one.seq for one in told.verify().findings}


@pytest.mark.parametrize("told", ["sqlite"], indirect=True)
def test_a_log_that_cannot_be_written(told: Story) -> None:
    """A file in a folder where nothing can be made is verified as it is."""
    told.engine.dispose()
    folder = file_of(told).parent
    shutil.copy(file_of(told), folder / "copy.db")
    os.chmod(folder / "copy.db", 0o400)  # noqa: PTH101
    other = told.verify()
    story = begun(told.url, None)
    story.engine.dispose()
    assert "proven" == other.verdict


def test_no_log(tmp_path: Path) -> None:
    """Where there is no database, or no tables, that is said."""
    from flowstone_audit.verifying.target import target_of
    from flowstone_audit.verifying.whole import Options, verify

    with pytest.raises(Unavailable, match="no audit log"):
        verify(target_of(f"sqlite:///{tmp_path}/none.db"), Options())
    (tmp_path / "text.db").write_text("no database " * 100)
    with pytest.raises((Damaged, Unavailable)):
        verify(target_of(f"sqlite:///{tmp_path}/text.db"), Options())
    sqlite3.connect(tmp_path / "empty.db").close()
    with pytest.raises((SchemaMismatch, Unavailable)):
        verify(target_of(f"sqlite:///{tmp_path}/empty.db"), Options())


def test_an_archive(lived: Story, tmp_path: Path) -> None:
    """An archive is verified without its database; one that was changed names its line."""
    path = tmp_path / "a.jsonl"
    with retention.snapshot() as connection:
        archive.write(path, connection)
    report = files.verify(path, (lived.signer.verifier,), tuple(lived.notes))
    assert ([], 32, PROVEN) == (report.findings, report.entries, report.code)
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"actor-', b'"Actor-', 1))
    assert TAMPERED == files.verify(path, (lived.signer.verifier,)).code


def test_guards_away(told: Story) -> None:
    """Guards that are gone are named, and the entries are none the worse."""
    drop = "DROP TRIGGER flowstone_audit_log_update"
    with told.engine.begin() as connection:
        connection.execute(text(drop if told.is_sqlite else f"{drop} ON flowstone_audit_log"))
    report = told.verify()
    assert [("guards missing", ("flowstone_audit_log_update",))] == [
        (one.kind, one.fields) for one in report.findings
    ]
    assert TAMPERED == report.code
    assert PROVEN == told.verify(allowed=frozenset({"guards missing"})).code
