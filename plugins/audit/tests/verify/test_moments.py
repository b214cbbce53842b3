"""Moments that are none: of a log from before the guards refused them, read and verified all the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import create_engine, func, select, text
from sqlalchemy.pool import NullPool

import flowstone_audit
from flowstone_audit import archive_check, erasing, proof, queries
from flowstone_audit.cli import group
from flowstone_audit.columns import OutOfRange
from flowstone_audit.reading import reading
from flowstone_audit.tables import erasure, log
from plugins.audit.tests.verify.story import Story, private, row


@pytest.fixture
def odd(lived: Story) -> Story:
    """A log whose entries 5 and 8 happened far behind, and before, everything."""
    late, early = (2**62, -(2**62)) if lived.is_sqlite else ("infinity", "-infinity")
    with lived.attacking() as connection:
        statement = text("UPDATE flowstone_audit_log SET occurred_at = :at WHERE seq = :seq")
        connection.execute(statement, [{"at": late, "seq": 5}, {"at": early, "seq": 8}])
        connection.commit()
    return lived


def run(*words: str, code: int = 0) -> str:
    ended = CliRunner().invoke(group.audit, list(words), catch_exceptions=False)
    assert code == ended.exit_code, ended.output
    return ended.stdout


def test_a_log_with_odd_moments_is_read(odd: Story, tmp_path: Path) -> None:
    """Lists, single entries and exports show the nearest moment, and say that it is none."""
    listed = json.loads(run("log", "--json", "--limit", "100"))["entries"]
    assert 32 == len(listed)
    marked = {one["seq"]: one["occurred_at"] for one in listed if one.get("occurred_at_out_of_range")}
    assert {5: "9999-12-31T00:00:00.000000+00:00", 8: "0001-01-02T00:00:00.000000+00:00"} == marked
    assert "after 9999-12-31" in run("log", "--width", "200")
    assert "before 0001-01-02" in run("show", "8")
    for form in ("jsonl", "cloudevents"):
        assert 32 == len(run("export", "--format", form).splitlines())
    run("export", "--format", "archive", "-o", str(tmp_path / "a.jsonl"))


def test_other_ways_to_select_moments(odd: Story) -> None:
    """A query of one's own gets them likewise, also through a plain engine, and NULL stays NULL."""
    engine = create_engine(odd.url, poolclass=NullPool)
    with engine.connect() as connection:
        found = connection.execute(select(log.c.seq, log.c.occurred_at).order_by(log.c.occurred_at)).all()
        assert [8, 5] == [found[0][0], found[-1][0]]
        assert [OutOfRange] * 2 == [type(found[0][1]), type(found[-1][1])]
        newest = connection.execute(select(func.max(log.c.occurred_at))).scalar_one()
        assert isinstance(newest, OutOfRange)
        assert connection.execute(select(func.max(erasure.c.erased_at))).scalar_one() is None
    engine.dispose()
    with reading() as own:
        assert 32 == len(list(queries.stream(own, {})))


def test_odd_moments_accuse_no_other_entry(lived: Story) -> None:
    """What was erased rightly stays so beside them, however many entries are read at once."""
    lived.write(*(private() for _ in range(300)))
    lived.seal()
    flowstone_audit.log("audit.erased", actor_id="dpo", actor_type="user")
    with lived.engine.connect() as connection:
        ids = connection.execute(select(log.c.id).where(log.c.nonce.is_not(None))).scalars().all()
    erasing.erase(erasing.Plan(tuple(ids), 0, 0), request="r", by="dpo")
    lived.seal()
    late = 2**62 if lived.is_sqlite else "infinity"
    with lived.attacking() as connection:
        connection.execute(
            text("UPDATE flowstone_audit_log SET occurred_at = :at WHERE seq = 5"), {"at": late}
        )
        connection.commit()
    assert {5} == {one.seq for one in lived.verify().findings if one.kind == "modified"}


@pytest.mark.parametrize("told", ["sqlite"], indirect=True)
def test_what_was_sealed_with_an_odd_moment_is_proven(lived: Story, tmp_path: Path) -> None:
    """In SQLite such a moment has a number, and the entry its hash: archive and proof have it as it is."""
    odd: Any = row(occurred_at=2**62)
    with lived.attacking() as connection:
        values = {"seq": 33, "inserted_at": lived_at(lived) + 1, **odd._asdict()}
        names = ", ".join(values)
        connection.execute(
            text(
                f"INSERT INTO flowstone_audit_log ({names}) VALUES ({', '.join(f':{one}' for one in values)})"
            ),
            values,
        )
        connection.commit()
    lived.seal()
    path = tmp_path / "a.jsonl"
    run("export", "--format", "archive", "-o", str(path))
    assert 33 == archive_check.check(path, [lived.signer.verifier]).header.rows
    with reading() as own:
        assert 33 == proof.of_entry(own, 33).seq
    run("evidence", "-o", str(tmp_path / "e.zip"))
    assert f"as {2**62}" in run("show", "33")


def lived_at(story: Story) -> int:
    with story.engine.connect() as connection:
        return int(
            connection.exec_driver_sql("SELECT max(inserted_at) FROM flowstone_audit_log").scalar_one()
        )
