"""What a spool's file holds: whole lines, torn ones, and positions that are wrong."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from flowstone.plugin import RunStart, stats
from flowstone.testing.samples import sample
from flowstone_audit import config, depth, health, recorder
from flowstone_audit.spool import folder, line, segment
from plugins.audit.tests.write.log_table import Log
from plugins.audit.tests.write.spooling import spooled


def test_lines_come_back_as_they_were() -> None:
    """What a line holds is read again, with the offset behind it; what has no end yet is not."""
    data = line.write(line.EVENTS, 7, 1_000_001, b'{"a": 1}', 3) + line.write(line.ROW, 10, 2, b"[]")
    found = list(line.read(data + b"b0000", 100))
    assert [(b"b", 7, 1_000_001, 3, b'{"a": 1}'), (b"r", 10, 2, 1, b"[]")] == [one[:5] for one in found]
    assert 100 + len(data) == found[-1].end


@pytest.mark.parametrize("position", range(0, 60, 3))
def test_no_changed_byte_goes_unseen(position: int) -> None:
    """A line with any byte changed is damaged, never another entry."""
    raw = bytearray(line.write(line.EVENTS, 123, 1_700_000_000_000_000, b'9 {"name":"run.start","id":"x"}'))
    raw[position] ^= 0x04
    kinds = {one.kind for one in line.read(bytes(raw), 0)}
    assert kinds <= {b"", bytes(raw[:1])}
    assert position == 0 or kinds == {b""} or b"\n" in bytes(raw[:-1])


def test_a_torn_tail_is_left_behind(home: Path) -> None:
    """A last line without its end was never acknowledged: all before it arrive, and nobody is alarmed."""
    segment, ids = spooled(50, together=10)
    size = segment.stat().st_size
    os.truncate(segment, size - 7)
    before = stats().get("audit.spool.torn", 0)
    assert ids[:-10] == [row["id"] for row in Log().rows()]
    assert before + 1 == stats()["audit.spool.torn"]


def test_damaged_lines_are_told_in_the_log(home: Path) -> None:
    """A line that was written over is lost: the others arrive, and an `audit.gap` entry says how many, once."""
    segment, ids = spooled(50, together=5)
    data = bytearray(segment.read_bytes())
    ends = [number for number, byte in enumerate(data) if byte == 10]
    data[ends[4] + 90 : ends[4] + 94] = b"\xff\xfe\xfd\xfc"
    segment.write_bytes(data)
    found = Log().rows()
    assert [*ids[:20], *ids[25:]] == [row["id"] for row in found if row["event_type"] != "audit.gap"]
    (gap,) = [row for row in found if row["event_type"] == "audit.gap"]
    assert '"count":5,' in gap["details"]


def test_a_part_of_a_line_that_fits_is_taken_back(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the disk takes a part of what is written, whole lines stay, the rest is written again later."""
    keeper = recorder.current()
    events = [sample(RunStart) for _ in range(10)]
    keeper.gather(events[:1])
    keeper.settle()
    monkeypatch.setattr("flowstone_audit.spool.batch.MOST", 3)
    write, pieces = os.write, iter([2000])
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[: next(pieces, len(data))]))
    keeper.gather(events[1:])
    keeper.settle()
    assert [one.id for one in events] == [row["id"] for row in Log().rows()]
    assert list(range(1, 11)) == [row["ordinal"] for row in Log().rows()]


@pytest.mark.parametrize("torn", [b"b0000", b"\0" * 5000, b"b00000000 1 x 1 {}\n", b"\n"])
def test_a_torn_line_does_not_hide_what_waits(torn: bytes, home: Path) -> None:
    """Where a crash left part of a line, or zeros, health is told all the same, and of how much."""
    settings = config.load()
    settings.spool.mkdir(parents=True)
    head = segment.head("h/1/aaaaaaaa")
    folder.segment_path(settings.spool, "1-aaaaaaaa", 1).write_bytes(head + torn)
    assert (len(torn), 0.0) == (depth.look(settings).size, depth.look(settings).age)
    assert "size" in health.spool().observed


def test_what_is_too_long_for_a_line_has_one_of_its_own(home: Path) -> None:
    """An event that fits no line with others arrives between them, in its place."""
    huge = replace(sample(RunStart), attributes={f"key{n}": "x" * 1000 for n in range(200)})
    events = [sample(RunStart), huge, sample(RunStart)]
    keeper = recorder.current()
    keeper.gather(events)
    keeper.settle()
    found = Log().rows()
    assert [one.id for one in events] == [row["id"] for row in found]
    assert [1, 2, 3] == [row["ordinal"] for row in found]


def test_what_has_no_json_form_is_told_as_a_gap(home: Path) -> None:
    """An event that cannot be written takes no other along, and the log tells that one is missing."""
    odd = replace(sample(RunStart), attributes={"key": object()})  # type: ignore[dict-item]
    events = [sample(RunStart), odd, sample(RunStart)]
    before = stats().get("audit.unencodable", 0)
    keeper = recorder.current()
    keeper.gather(events)
    keeper.settle()
    found = Log().rows()
    assert [events[0].id, events[2].id] == [row["id"] for row in found if row["event_type"] != "audit.gap"]
    (gap,) = [row for row in found if row["event_type"] == "audit.gap"]
    assert '"count":1,' in gap["details"]
    assert before + 1 == stats()["audit.unencodable"]


@pytest.mark.parametrize("position", [(2, 0), (9, 10**6), (1, 10**9), (1, 900), (1, -5)])
def test_a_wrong_position_loses_nothing(home: Path, position: tuple[int, int]) -> None:
    """A damaged sidecar is a hint: what it says was ingested is read all the same, and no gap is told."""
    segment, ids = spooled(50, together=5)
    stem = segment.name.partition(".")[0]
    folder.claim_path(segment.parent, stem).write_bytes(b"%010d %020d\n" % position)
    assert ids == [row["id"] for row in Log().rows()]
    assert [] == sorted(segment.parent.iterdir())


def test_an_entry_is_whole_without_its_line_end(home: Path) -> None:
    """Where only the last line's end is damaged, its entries are in the log: nothing of them is torn."""
    segment, ids = spooled(50, together=10)
    data = bytearray(segment.read_bytes())
    data[-1] ^= 1
    segment.write_bytes(data)
    before = stats().get("audit.spool.torn", 0)
    assert ids == [row["id"] for row in Log().rows()]
    assert before == stats().get("audit.spool.torn", 0)
