"""Lines with a right check sum that are no entries: one of them keeps nobody waiting, and comes into no seal."""

from __future__ import annotations

import os
from pathlib import Path
from time import time_ns
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from flowstone.plugin import RunStart, stats
from flowstone.testing.samples import sample
from flowstone_audit import canonical, config, entries, health, ingest, insert, refusing
from flowstone_audit.row import Row
from flowstone_audit.spool import aside, batch, line, rows, segment
from plugins.audit.tests.write.log_table import Log

WRITER = "h/1/aaaaaaaa"


def row(**given: Any) -> Row:
    made = entries.BLANK._replace(
        id=os.urandom(16),
        event_type="forged",
        actor_id="boss",
        actor_type="user",
        writer=WRITER,
        ordinal=1,
        occurred_at=time_ns() // 1000,
        details="{}",
    )
    return made._replace(**given)


def sealed(**given: Any) -> Row:
    return canonical.sealed(row(**given))


def lay(*lines: bytes, token: str = "aaaaaaaa") -> Path:
    """Lay a segment of a writer that is gone."""
    folder = config.load().spool
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"1-{token}.000001.spool"
    path.write_bytes(segment.head(f"h/1/{token}") + b"".join(lines))
    return path


def of(made: Row) -> bytes:
    return line.write(line.ROW, 1, 1, rows.encode(made))


BAD: dict[str, Row] = {
    "hash": row(row_hash=b"\0" * 32),
    "commitment": sealed(nonce=b"n" * 32, client_ip="1.1.1.1")._replace(client_ip="2.2.2.2"),
    "bare": sealed(client_ip="1.1.1.1"),
    "version": sealed(v=99),
    "fraction": sealed(ordinal=1.5),
    "text": sealed(details="this is { not json"),
    "list": sealed(details="[1]"),
    "actor": sealed(actor_type="root"),
    "outcome": sealed(outcome="great"),
    "nobody": sealed(actor_id=None),
    "id": sealed(id=b"x"),
    "nul": sealed(actor_id="a\0b"),
    "early": sealed(occurred_at=-1),
    "late": sealed(occurred_at=2**62),
    "ordinal": sealed(ordinal=2**63),
}


@pytest.mark.parametrize("bad", BAD)
def test_a_row_that_is_no_entry_is_a_damaged_line(
    bad: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others behind it arrive, a gap tells of it, and the line is kept aside, where health sees it."""
    monkeypatch.setattr(health, "stats", dict)  # what other tests have lost
    lay(of(BAD[bad]), of(sealed(actor_id="good", ordinal=2)))
    found = Log().rows()
    assert ["good", "flowstone"] == [one["actor_id"] for one in found]
    assert "damaged lines in the spool" in found[-1]["details"]
    settings = config.load()
    (kept,) = aside.files(settings.spool)
    assert of(BAD[bad]) == kept.read_bytes()
    assert [kept] == list(settings.spool.iterdir())
    told = health.spool()
    assert ("degraded", True) == (told.status, str(kept) in told.message)


def test_what_fits_is_taken_as_it_is(home: Path) -> None:
    """Private columns, numbers of any size and all words come through."""
    held = {"client_ip": "1.1.1.1", "private": '{"a": 1}', "nonce": b"n" * 32}
    given = [sealed(**held), sealed(outcome="denied", details=f'{{"n": {2**3000}}}', ordinal=2)]
    lay(*map(of, given))
    assert [one.row_hash for one in given] == [one["row_hash"] for one in Log().rows()]
    assert [] == aside.files(config.load().spool)


EVENTS: dict[str, bytes] = {
    "number": b"5",
    "empty": b"[{}]",
    "id": b'[{"name":"a.b","id":"00","time":5}]',
    "time": b'[{"name":"a.b","id":"%s","time":"x"}]' % (b"0" * 32),
    "trace": b'[{"name":"a.b","id":"%s","time":5,"trace_id":7,"correlation_id":[1]}]' % (b"0" * 32),
    "deep": b'[{"name":"a.b","id":"%s","x":%s}]' % (b"0" * 32, b"[" * 900 + b"]" * 900),
}


@pytest.mark.parametrize("bad", EVENTS)
def test_events_that_are_none_are_damaged_lines(bad: str, home: Path) -> None:
    """A line of events whose payload is anything raises nothing, and keeps nobody waiting."""
    (good,) = batch.packed([sample(RunStart)])
    assert isinstance(good, batch.Batch)
    latest = time_ns() // 1000
    lay(
        line.write(line.EVENTS, 1, 1, b"%d " % latest + EVENTS[bad]),
        line.write(line.EVENTS, 2, 2**62, batch.payload_of(good, latest)),
        line.write(line.EVENTS, 3, latest, batch.payload_of(good, latest)),
    )
    types = [one["event_type"] for one in Log().rows()]
    assert [] == [one for one in types if one not in {"run.start", "audit.gap", "a.b"}]
    assert (1, 1) == (types.count("run.start"), types.count("audit.gap"))


def test_a_segment_whose_first_line_says_nothing_is_read(home: Path) -> None:
    """Where the writer's line holds anything, the file's name says whose it is."""
    path = lay()
    events = [one for one in batch.packed([sample(RunStart)]) if isinstance(one, batch.Batch)]
    data = line.write(line.EVENTS, 1, 1, batch.payload_of(events[0], time_ns() // 1000))
    path.write_bytes(line.write(line.WRITER, 0, 0, b"[7]") + data)
    assert ["unknown/1/aaaaaaaa"] == [one["writer"] for one in Log().rows()]


def test_what_the_database_refuses_is_told_as_a_gap(audit_log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that no check of ours foresaw is refused alone: those around it arrive, in order, and once."""
    monkeypatch.setattr(rows, "decode", _unchecked)
    given = [sealed(actor_id=f"a{n}", ordinal=n + 1) for n in range(10)]
    given[3] = sealed(actor_type="root", ordinal=4)
    given[6] = sealed(actor_id="x\0y" if "postgresql" in str(config.load().url) else None, ordinal=7)
    lay(*map(of, given))
    before = stats().get("audit.spool.damaged", 0)
    expected = [one.actor_id if n not in {3, 6} else "flowstone" for n, one in enumerate(given)]
    assert expected == [one["actor_id"] for one in audit_log.rows()]
    assert before + 2 == stats()["audit.spool.damaged"]
    (kept,) = aside.files(config.load().spool)
    assert 2 == kept.read_bytes().count(b"\n")
    assert 0 == ingest.catch_up(5)


def _unchecked(data: bytes) -> Row:
    import orjson

    values = orjson.loads(data)
    for number, name in enumerate(Row._fields):
        if name in {"id", "nonce", "commitment", "row_hash"} and values[number] is not None:
            values[number] = bytes.fromhex(values[number])
    return Row(*values)


def test_one_spool_keeps_no_other_waiting(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A spool that cannot be read is told at the end, when all the others are in the log."""
    lay(of(sealed(actor_id="first")), token="00000000")
    broken = lay(token="11111111")
    broken.unlink()
    broken.mkdir()
    lay(of(sealed(actor_id="last")), token="22222222")
    with pytest.raises(OSError, match="directory"):
        ingest.catch_up(10)
    assert {"first", "last"} == {one["actor_id"] for one in Log().rows(caught_up=False)}


def test_a_database_that_cannot_just_now_loses_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trouble that passes is no refusal: what waits goes on waiting, and nothing becomes a gap."""
    lay(of(sealed(actor_id="ann")))

    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(insert, "many", full)
        with pytest.raises(OSError, match="space"):
            ingest.catch_up(5)
    assert ["ann"] == [one["actor_id"] for one in Log().rows()]
    assert not refusing.is_for_good(OSError(28, "No space left on device"))


def test_errors_that_were_raised_from_each_other_are_looked_at_once() -> None:
    """A driver's error may have come of the one that stands around it: whoever follows both goes in a circle."""
    inner = OSError(111, "Connection refused")
    outer = OperationalError("INSERT", {}, inner)
    inner.__cause__ = outer
    assert not refusing.is_for_good(outer)
