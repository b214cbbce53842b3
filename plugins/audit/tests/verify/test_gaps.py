from __future__ import annotations

import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

from flowstone_audit import checkpoint, gaps, insert
from flowstone_audit.heads import SealBroken
from flowstone_audit.keys import Signer
from flowstone_audit.note import parse, write
from flowstone_audit.verifying import single
from flowstone_audit.verifying.report import TAMPERED
from flowstone_audit.verifying.whole import Options
from plugins.audit.tests.verify.story import Story, clean, put_in, row

BURNT = 4
"""A number that a transaction took which was rolled back."""


@pytest.fixture
def burnt(story: Story) -> Story:
    """A log in PostgreSQL in which a number was waited for, and given up."""
    if story.is_sqlite:
        pytest.skip("SQLite's numbers come without gaps")
    story.fill(3)
    with story.engine.connect() as connection:
        insert.rows(connection, [row()])
        connection.rollback()
    story.fill(2, 1, 1)
    assert "[]" != seals(story)[1].gaps
    deadline = time.monotonic() + 60
    while (
        len(given_up(story)) < 2 and time.monotonic() < deadline
    ):  # the server may be at something of its own
        time.sleep(0.1)
        story.fill(1)
    clean(story)
    return story


def given_up(story: Story) -> list[int]:
    """Return the first leaves of the seals that wait for the number no more."""
    return [one.first_leaf for one in seals(story)[1:] if one.gaps == "[]"]


def seals(story: Story) -> list[Any]:
    """Return first leaf, gaps, high and note of each seal."""
    with story.engine.connect() as connection:
        asked = "SELECT first_leaf, gaps, high, note FROM flowstone_audit_seal ORDER BY first_leaf"
        return list(connection.execute(text(asked)).all())


def change(story: Story, column: str, value: object, first: int, last: int | None = None) -> None:
    """Have the owner set a column of the seals from leaf *first* to leaf *last*."""
    with story.attacking() as connection:
        where = "first_leaf BETWEEN :first AND :last"
        values = {"value": value, "first": first, "last": 1 << 40 if last is None else last}
        connection.execute(text(f"UPDATE flowstone_audit_seal SET {column} = :value WHERE {where}"), values)
        connection.commit()


def alarms(story: Story, **given: Any) -> set[tuple[str, int | None]]:
    """Return kinds and entries of the alarms."""
    report = story.verify(**given)
    assert TAMPERED == report.code
    return {(one.kind, one.seq) for one in report.alarms}


def test_a_gap_that_was_opened_again(burnt: Story) -> None:
    """On a seal whose gaps were edited nothing is sealed, and the verification names each such seal."""
    opened = seals(burnt)[1].gaps
    edited = given_up(burnt)
    change(burnt, "gaps", opened, edited[0])
    put_in(burnt, BURNT)
    with pytest.raises(SealBroken, match="high and gaps"):
        burnt.seal()
    report = burnt.verify()
    assert {"seal altered": len(edited), "inserted late": 1} == report.counts
    assert {("seal altered", None), ("inserted late", BURNT)} == alarms(burnt, jobs=2)
    assert TAMPERED == burnt.verify(since=burnt.notes[-1]).code


def test_a_gap_that_was_open_for_a_moment(burnt: Story) -> None:
    """What was sealed on an edited seal is found as put in when the seal has its old values again."""
    opened, old = seals(burnt)[1].gaps, seals(burnt)[-1]
    stranger = Signer(burnt.signer.name, Ed25519PrivateKey.generate())
    said = checkpoint.parse(parse(old.note))
    forged = write(said._replace(state=gaps.state(old.high, opened)).text, stranger)
    change(burnt, "gaps", opened, old.first_leaf)
    change(burnt, "note", forged, old.first_leaf)  # as the first checkpoint of a new key has it
    put_in(burnt, BURNT)
    burnt.write(row())
    assert burnt.seal() is not None
    change(burnt, "gaps", old.gaps, old.first_leaf, old.first_leaf)
    change(burnt, "note", old.note, old.first_leaf, old.first_leaf)
    assert {("inserted late", BURNT)} == alarms(burnt)
    options = Options(notes=tuple(burnt.notes), keys=(burnt.signer.verifier,))
    assert ["inserted late"] == [
        one.kind for one in single.verify(burnt.target, str(BURNT), options).findings
    ]


def test_a_number_seen(burnt: Story) -> None:
    """Nothing is sealed where the greatest number seen was edited."""
    change(burnt, "high", 2, given_up(burnt)[-1])
    with pytest.raises(SealBroken, match="high and gaps"):
        burnt.seal()
    assert {("seal altered", None)} == alarms(burnt)


def test_seals_of_before(story: Story) -> None:
    """Seals that sign no gaps are proven, also with such behind them that do; behind one that does they are an alarm."""
    story.fill(3, 2)
    unbind(story, 0)
    unbind(story, 3)
    clean(story)
    story.fill(2)
    clean(story)
    story.fill(1)
    unbind(story, 7)
    report = story.verify()
    assert [("seal altered", ("note",), 7)] == [(one.kind, one.fields, one.leaf) for one in report.findings]


def unbind(story: Story, leaf: int) -> None:
    """Sign a checkpoint as sealers of before did."""
    said = checkpoint.parse(parse(next(one.note for one in seals(story) if one.first_leaf == leaf)))
    made = write(said._replace(state=None).text, story.signer)
    change(story, "note", made, leaf, leaf)
    story.notes = [one if checkpoint.parse(parse(one)).size != said.size else made for one in story.notes]


def test_a_damaged_state(told: Story) -> None:
    """A line that is no hash, or is there twice, is no checkpoint."""
    said = checkpoint.parse(parse(told.notes[0]))
    line = said.text.splitlines()[-1]
    assert line.startswith("state ")
    for wrong in (said.text.replace(line, "state AAAA"), f"{said.text}{line}\n"):
        with pytest.raises(ValueError, match=r"not a hash|two states"):
            checkpoint.parse(wrong)
