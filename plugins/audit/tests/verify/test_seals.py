from __future__ import annotations

import shutil
import struct
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, text

from flowstone_audit.checkpoint import Checkpoint, parse
from flowstone_audit.keys import Signer
from flowstone_audit.note import parse as parse_note
from flowstone_audit.note import write
from flowstone_audit.verifying.report import CONSISTENT, TAMPERED, Report
from plugins.audit.tests.verify.story import Story, file_of, rewrite, row

SECOND = 12
"""First leaf of the second of four seals (12, 1, 7 and 12 leaves); the third begins at 13, the last at 20."""


def run(story: Story, statement: str, **values: Any) -> None:
    """Have the owner run a statement while the guards are away."""
    with story.attacking() as connection:
        assert connection.execute(text(statement), values).rowcount
        connection.commit()


def first(report: Report) -> str:
    """Return what the first alarm is, told to fail where there is none."""
    assert TAMPERED == report.code, report.to_dict()
    assert report.first is not None
    return report.first.kind


def flipped(value: bytes, at: int = 0) -> bytes:
    """Return bytes with one bit changed."""
    return value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :]


def value_of(connection: Connection, column: str, leaf: int) -> Any:
    """Return a value of the seal of a leaf."""
    return connection.execute(
        text(f"SELECT {column} FROM flowstone_audit_seal WHERE first_leaf = :leaf"), {"leaf": leaf}
    ).scalar_one()


@pytest.mark.parametrize("leaf", [0, SECOND, 13, 20])
@pytest.mark.parametrize(
    "column",
    ["first_leaf", "leaves", "seqs", "hashes", "root", "frontier", "high", "gaps", "note", "sealed_at"],
)
def test_an_edited_seal(told: Story, column: str, leaf: int) -> None:
    """Whatever column of a seal is edited, wherever it stands, it is found, and no entry is blamed."""
    with told.engine.connect() as connection:
        old = value_of(connection, column, leaf)
    new: Any = old + 1000 if isinstance(old, int) else None
    if isinstance(old, bytes):
        new = flipped(old, len(old) - 1)
    elif column == "gaps":
        new = "[[1,1,1]]"
    elif column == "note":
        new = old.replace("time 1", "time 2")
    change = f"{column} = :new"
    if column == "sealed_at" and not told.is_sqlite:
        change = "sealed_at = sealed_at - interval '1 second' WHERE :new IS NULL OR true"
        new = 1
    run(
        told,
        f"UPDATE flowstone_audit_seal SET {change} "
        + ("AND" if "WHERE" in change else "WHERE")
        + " first_leaf = :leaf",
        new=new,
        leaf=leaf,
    )
    report = told.verify()
    assert ("bad signature" if column == "note" else "seal altered") == first(report)
    # What the table's own checks forbid, PostgreSQL cannot be made to check again: that is told as well.
    assert {"bad signature", "seal altered", "not anchored", "guards missing"} >= set(report.counts)
    assert {column} <= {name for one in report.alarms for name in one.fields} or column in ("note", "hashes")
    assert first(told.verify(jobs=2)) == first(report)


@pytest.mark.parametrize("place", range(23))
def test_every_stored_hash(told: Story, place: int) -> None:
    """Whichever stored hash of a seal is edited, leaf or node, it is told of that column, and no entry is blamed."""
    with told.engine.connect() as connection:
        old = value_of(connection, "hashes", 20)
    if place * 32 >= len(old):
        pytest.skip("there are fewer")
    run(
        told,
        "UPDATE flowstone_audit_seal SET hashes = :new WHERE first_leaf = 20",
        new=flipped(old, place * 32),
    )
    report = told.verify()
    assert [("seal altered", ("hashes",))] == [(one.kind, one.fields) for one in report.findings]


@pytest.mark.parametrize("column", ["seqs", "hashes", "root", "frontier", "gaps", "note"])
def test_an_emptied_seal(told: Story, column: str) -> None:
    """A seal with a value that is empty is found."""
    run(
        told,
        f"UPDATE flowstone_audit_seal SET {column} = :new WHERE first_leaf = 13",
        new="" if column in ("gaps", "note") else b"",
    )
    assert "seal altered" == first(told.verify())


@pytest.mark.parametrize("column", ["seqs", "hashes", "root", "frontier", "note"])
def test_exchanged_values_of_seals(told: Story, column: str) -> None:
    """When two seals exchange a value, it is found."""
    with told.engine.connect() as connection:
        one, other = (value_of(connection, column, leaf) for leaf in (0, 20))
    run(told, f"UPDATE flowstone_audit_seal SET {column} = :new WHERE first_leaf = 0", new=other)
    run(told, f"UPDATE flowstone_audit_seal SET {column} = :new WHERE first_leaf = 20", new=one)
    assert "seal altered" == first(told.verify())


def test_numbers_exchanged_in_a_seal(told: Story) -> None:
    """When a seal names two entries in each other's place, the seal is blamed, not the entries."""
    with told.engine.connect() as connection:
        seqs = list(struct.unpack(">12Q", value_of(connection, "seqs", 20)))
    seqs[3], seqs[7] = seqs[7], seqs[3]
    run(
        told,
        "UPDATE flowstone_audit_seal SET seqs = :new WHERE first_leaf = 20",
        new=struct.pack(">12Q", *seqs),
    )
    assert {"seal altered"} == set(told.verify().counts)


@pytest.mark.parametrize("leaf", [0, SECOND, 13])
def test_a_deleted_seal(told: Story, leaf: int) -> None:
    """A seal that is gone is told of; the entries that stood under it are whole, and not blamed."""
    run(told, "DELETE FROM flowstone_audit_seal WHERE first_leaf = :leaf", leaf=leaf)
    report = told.verify()
    assert "seal altered" == first(report)
    assert {"seal altered"} == set(report.counts)
    assert leaf == (report.first and report.first.leaf)
    assert {"seal altered"} == set(told.verify(jobs=2).counts)


@pytest.mark.parametrize("leaf", [0, 13, 20])
def test_deleted_seals_at_the_end(told: Story, leaf: int) -> None:
    """Seals that are gone at the end are found by what was published, and told apart from a roll-back."""
    run(told, "DELETE FROM flowstone_audit_seal WHERE first_leaf >= :leaf", leaf=leaf)
    report = told.verify()
    assert "seal altered" == first(report)
    assert CONSISTENT == told.verify(notes=()).code


def test_tail_and_seals_deleted(told: Story) -> None:
    """Entries and their seals deleted at the end are a roll-back by what was published."""
    run(told, "DELETE FROM flowstone_audit_seal WHERE first_leaf >= 20")
    run(told, "DELETE FROM flowstone_audit_log WHERE seq > 20")
    assert "rolled back" in told.verify().counts
    assert TAMPERED == told.verify().code


def test_everything_deleted(told: Story) -> None:
    """An emptied log is a roll-back by what was published."""
    run(told, "DELETE FROM flowstone_audit_seal")
    run(told, "DELETE FROM flowstone_audit_log")
    assert "rolled back" in told.verify().counts


def test_a_forged_seal(told: Story) -> None:
    """A history made anew from a changed entry on, with another key, is found at its first seal and its key."""
    stranger = Signer(told.signer.name, Ed25519PrivateKey.generate())
    rewrite(told, stranger)
    report = told.verify()
    assert "key swapped" in report.counts
    assert "forked" in report.counts
    assert TAMPERED == told.verify(notes=()).code


def test_a_swapped_key(told: Story) -> None:
    """With a new key in the place of the old one, what was published is signed by a stranger."""
    stranger = Signer(told.signer.name, Ed25519PrivateKey.generate())
    rewrite(told, stranger)
    report = told.verify(keys=(stranger.verifier,))
    assert "key swapped" == first(report)


def test_a_stolen_key(told: Story) -> None:
    """A history made anew with the log's own key fits itself; what was published tells, and without it nobody can."""
    rewrite(told, told.signer)
    report = told.verify()
    assert {"forked": 1} == {kind: number for kind, number in report.counts.items() if kind != "not anchored"}
    assert first(report) == "forked"
    alone = told.verify(notes=())
    assert ("consistent", CONSISTENT) == (alone.verdict, alone.code)
    assert {"not anchored": 1} == alone.counts


def test_an_altered_tree_with_the_old_notes(told: Story) -> None:
    """A history made anew under the old checkpoints, which cannot be signed again, is found where it begins."""
    rewrite(told, None)
    report = told.verify(notes=())
    assert "seal altered" == first(report)
    assert (1, 12) == (report.first and report.first.seq, report.first and report.first.last)


def test_a_bad_signature(told: Story) -> None:
    """A checkpoint with another signature is told as such."""
    with told.engine.connect() as connection:
        old = value_of(connection, "note", 13)
    text, _, line = old.rpartition(" ")
    run(
        told,
        "UPDATE flowstone_audit_seal SET note = :new WHERE first_leaf = 13",
        new=f"{text} {line[:20]}{'A' if line[20] != 'A' else 'B'}{line[21:]}",
    )
    assert "bad signature" == first(told.verify())


def test_an_older_copy_of_the_file(told: Story) -> None:
    """A whole file restored from an older copy is a roll-back by what was published, also when written on."""
    if not told.is_sqlite:
        pytest.skip("the same as tail and seals deleted")
    file = file_of(told)
    told.engine.dispose()
    older = shutil.copy(file, file.with_name("older"))
    told.fill(5)
    assert "proven" == told.verify().verdict
    told.engine.dispose()
    for path in file.parent.glob("audit.db*"):
        path.unlink()
    shutil.copy(older, file)
    assert "rolled back" == first(told.verify())
    told.write(row(), row(), row())
    with told.engine.connect() as connection:
        from flowstone_audit import sealing

        sealing.seal_once(connection, told.signer)
    assert "rolled back" == first(told.verify())
    told.write(row(), row())
    told.seal()
    assert "forked" in told.verify().counts


def test_two_histories_published(told: Story) -> None:
    """Two published checkpoints of one size with different roots are a fork, whatever the database says."""
    said = parse(parse_note(told.notes[-1]))
    forged = write(Checkpoint(said.origin, said.size, b"\1" * 32).text, told.signer)
    assert "forked" in told.verify(notes=(*told.notes, forged)).counts


def test_a_changed_log_id(told: Story) -> None:
    """A log that was given another name is known by its seals."""
    run(
        told,
        "UPDATE flowstone_audit_meta SET value = '00000000-0000-4000-8000-000000000000' WHERE key = 'log_id'",
    )
    report = told.verify()
    assert ("modified", ("log_id",)) == (first(report), report.first and report.first.fields)
