"""What a writer or an owner puts where verification reads: whatever it is, a verdict comes of it."""

from __future__ import annotations

import struct
import time
from typing import Any

import pytest
from sqlalchemy import text

from flowstone_audit import erasing, gaps
from flowstone_audit.proof import NotProven
from flowstone_audit.verifying import single
from flowstone_audit.verifying.report import PROVEN, TAMPERED
from flowstone_audit.verifying.source import SealRow
from flowstone_audit.verifying.whole import Options
from plugins.audit.tests.verify.story import Story, row
from plugins.audit.tests.verify.test_rules import settle

DEEP = "[" * 100_000


def put(story: Story, **given: Any) -> None:
    """Have the owner put in a seal behind the last one, with one entry that is not there, and no signature."""
    values = {
        "first_leaf": 32,
        "leaves": 1,
        "seqs": struct.pack(">Q", 40),
        "hashes": b"\0" * 64,
        "root": b"\0" * 32,
        "frontier": b"\0" * 32,
        "high": 40,
        "gaps": "[]",
        "note": "n",
        **given,
    }
    at = str(time.time_ns() // 1000) if story.is_sqlite else "now()"
    marks = ", ".join(f":{name}" for name in values)
    with story.attacking() as connection:
        statement = f"INSERT INTO flowstone_audit_seal ({', '.join(SealRow._fields)}) VALUES ({marks}, {at})"
        connection.execute(text(statement), values)
        connection.commit()


@pytest.mark.parametrize("details", ['{"request":{}}', '{"request":[[]]}', f'{{"request":{DEEP}'])
def test_a_record_that_is_none(lived: Story, details: str) -> None:
    """Who writes an entry `audit.erased` that says nothing keeps nobody from verifying what was erased."""
    with lived.engine.connect() as connection:
        asked = "SELECT {} FROM flowstone_audit_log WHERE seq = 2"
        wanted = "lower(hex(id))" if lived.is_sqlite else "CAST(id AS text)"
        one = str(connection.execute(text(asked.format(wanted))).scalar_one())
        plan = erasing.plan(connection, ids=[one])
    erasing.erase(plan, request="ticket 7", by="ann")
    lived.write(row(event_type="audit.erased", details=details))
    settle(lived)
    assert (1, PROVEN) == ((report := lived.verify()).erased, report.code)
    assert PROVEN == single.verify(lived.target, "2", options(lived)).code


def test_a_record_of_a_prune_that_is_none(lived: Story) -> None:
    """Who writes an entry `audit.pruned` that says nothing permits nothing."""
    moment = str(time.time_ns() // 1000) if lived.is_sqlite else "now()"
    digest = "randomblob(32)" if lived.is_sqlite else "sha256('')"
    lived.write(row(event_type="audit.pruned", details='{"sha256":{}}'))
    lived.write(row(event_type="audit.pruned", details=f'{{"sha256":{DEEP}'))
    lived.seal()
    with lived.attacking() as connection:
        connection.execute(text(f"INSERT INTO flowstone_audit_floor VALUES (10, 1, {digest}, {moment})"))
        connection.execute(text("DELETE FROM flowstone_audit_log WHERE seq <= 10"))
        connection.commit()
    assert {"deleted": 1, "pruned early": 1} == lived.verify().counts


@pytest.mark.parametrize(
    "given",
    [
        {"gaps": "[[1e999,1,1]]"},
        {"gaps": DEEP},
        {"gaps": gaps.encode(gaps.Gap(at, at, 1) for at in range(40, 40 + 2 * gaps.MOST, 2))},
        {"seqs": b"\xff" * 8},
        {"seqs": struct.pack(">Q", 1 << 63)},
        {"first_leaf": (1 << 63) - 1},
        {"first_leaf": 1 << 60, "seqs": struct.pack(">Q", 1 << 62), "high": 1 << 62},
    ],
    ids=["endless", "deep", "many-gaps", "greatest-seq", "great-seq", "greatest-leaf", "many-leaves"],
)
def test_a_seal_that_is_none(told: Story, given: dict[str, Any]) -> None:
    """A seal of whatever numbers and gaps is told of as altered."""
    put(told, **given)
    for jobs in (1, 2):
        report = told.verify(jobs=jobs)
        assert (TAMPERED, True) == (report.code, "seal altered" in report.counts)


@pytest.mark.parametrize("told", ["sqlite"], indirect=True)
@pytest.mark.parametrize("leaves", [float("inf"), "many", b"\1"])
def test_a_number_of_leaves_that_is_none(told: Story, leaves: object) -> None:
    """A seal whose number of leaves is no number is told of as altered."""
    put(told, leaves=leaves)
    assert TAMPERED == told.verify().code


@pytest.mark.timeout(60)
@pytest.mark.parametrize("leaves", [0, -1, -100])
def test_a_seal_without_leaves(told: Story, leaves: int) -> None:
    """The search for the seal of an entry ends where a seal on its way says that it has no leaves."""
    with told.attacking() as connection:
        change = "UPDATE flowstone_audit_seal SET leaves = :leaves WHERE first_leaf = 12"
        connection.execute(text(change), {"leaves": leaves})
        connection.commit()
    with pytest.raises(NotProven, match="a seal was altered"):
        single.verify(told.target, "14", options(told))
    assert TAMPERED == told.verify().code


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "given",
    [
        {"first_leaf": (1 << 63) - 1, "leaves": 5},
        {"seqs": b"", "leaves": 5},
        {"seqs": b"\0" * 9, "leaves": 5},
    ],
    ids=["beyond", "empty", "not-whole"],
)
def test_the_last_seal_is_none(told: Story, given: dict[str, Any]) -> None:
    """The search for the seal of an entry ends where the last seal leads nowhere."""
    put(told, **{"high": 40, **given})
    with pytest.raises(NotProven, match="a seal was altered"):
        single.verify(told.target, "41" if given["leaves"] and "seqs" not in given else "40", options(told))


def options(story: Story) -> Options:
    """Return keys and checkpoints of a log."""
    return Options(notes=tuple(story.notes), keys=(story.signer.verifier,))
