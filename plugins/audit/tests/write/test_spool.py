"""The spool: what is in it arrives, once, whatever became of its file."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from threading import enumerate as threads
from time import monotonic, sleep
from typing import Any

import pytest

import flowstone_audit
from flowstone.plugin import RunStart, stats
from flowstone.testing.samples import sample
from flowstone_audit import config, database, depth, health, ingest, insert, recorder
from flowstone_audit.spool import batch, folder, line, rows, segment
from flowstone_audit.spool.appender import Appender, SpoolFull
from flowstone_audit.spool.claim import Claim, Position
from flowstone_audit.spool.syncing import Syncing
from plugins.audit.tests.write.log_table import Log


def spooled(count: int, together: int = 1000) -> tuple[Path, list[str]]:
    """Put events into this process's spool, so many together; close it, and return its segment and their ids."""
    keeper = recorder.current()
    events = [sample(RunStart) for _ in range(count)]
    for begin in range(0, count, together):
        keeper.gather(events[begin : begin + together])
        keeper.settle()
    keeper.close()
    (segment,) = sorted(keeper.config.spool.glob("*.spool"))
    return segment, [one.id for one in events]


def one_event() -> list[batch.Batch]:
    return [one for one in batch.packed([sample(RunStart)]) if isinstance(one, batch.Batch)]


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


def test_ingested_segments_are_removed(audit_log: Log) -> None:
    """When the database has all of a closed segment, nothing of it stays on the disk."""
    segment, ids = spooled(200)
    assert ids == [row["id"] for row in audit_log.rows()]
    assert [] == sorted(segment.parent.iterdir())


def test_a_lost_position_doubles_nothing(audit_log: Log) -> None:
    """Where the sidecar is lost, entries are sent again and ignored by their ids."""
    keeper = recorder.current()
    events = [sample(RunStart) for _ in range(100)]
    keeper.gather(events)
    keeper.settle()
    assert 100 == ingest.catch_up(10)
    folder.claim_path(keeper.config.spool, keeper.spool.stem).write_bytes(b"\0" * 32)
    assert 0 == ingest.catch_up(10)
    assert [one.id for one in events] == [row["id"] for row in audit_log.rows()]


def left_behind(home: Path, many: int) -> list[str]:
    """Make spools of processes that are gone, of one event each; return the events' ids, oldest spool first."""
    events = []
    for number in range(many):
        spool = Appender(home / "audit" / "spool", f"h/{1000 - number}/{number:08x}", 1 << 30)
        (one,) = one_event()
        spool.append([one])
        spool.close()
        os.utime(folder.segment_path(spool.home, spool.stem, 1), (number, number))
        events += [event.id for event in one.events]
    return events


def test_what_waits_is_brought_in_within_its_time(
    audit_log: Log, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many spools there are, the time holds for all; what waits longest comes first, the rest later."""
    ids = left_behind(home, 12)
    audit_log.rows(caught_up=False)
    take, look = insert.many, folder.look
    looked: list[Path] = []

    def slowly(*given: Any, **more: Any) -> int:
        sleep(0.2)
        return take(*given, **more)

    def looking(home: Path) -> folder.Found:
        looked.append(home)
        return look(home)

    with monkeypatch.context() as patched:
        patched.setattr(insert, "many", slowly)
        patched.setattr(folder, "look", looking)
        began = monotonic()
        made = ingest.catch_up(0.3)
        assert monotonic() - began < 2.0
    assert 1 <= made < 12
    assert 1 == len(looked)
    assert ids[:made] == [row["id"] for row in audit_log.rows(caught_up=False)]
    assert ids == [row["id"] for row in audit_log.rows()]


def test_what_others_took_meanwhile_is_no_trouble(home: Path) -> None:
    """Segments that are gone since they were seen are passed over, and others' place in a later one stays."""
    (event,) = left_behind(home, 1)
    settings = config.load()
    (stem,) = folder.look(settings.spool).segments
    assert [event] == [row["id"] for row in Log().rows()]
    assert 0 == ingest.ingest(database.of(settings), settings, stem, [1, 2], monotonic() + 5)
    assert [] == sorted(settings.spool.iterdir())
    other = Claim(settings.spool, stem)
    assert other.take()
    other.advance(Position(3, 500))
    other.close()
    assert 0 == ingest.ingest(database.of(settings), settings, stem, [1, 2], monotonic() + 5)
    assert b"3" in folder.claim_path(settings.spool, stem).read_bytes()


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


def test_a_disk_that_hangs_is_waited_for_within_the_time(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`log` does not acknowledge what the disk does not confirm, says so within 2 seconds, and holds one thread."""
    monkeypatch.setenv("FLOWSTONE_AUDIT_URL", "postgresql://nobody@127.0.0.1:1/none")
    flowstone_audit.log("a.b", actor_id="ann", actor_type="user")
    back = Event()
    with monkeypatch.context() as patched:
        patched.setattr("flowstone_audit.spool.appender.synced", lambda _: back.wait(30))
        for _ in range(3):
            began = monotonic()
            with pytest.raises(flowstone_audit.NotRecorded, match="too long"):
                flowstone_audit.log("a.b", actor_id="ann", actor_type="user")
            assert monotonic() - began < 2.5
        assert 1 == sum("audit-sync" in one.name for one in threads())
        back.set()
    flowstone_audit.log("a.b", actor_id="ann", actor_type="user")


def test_all_who_wait_for_the_disk_wait_for_what_came_before(tmp_path: Path) -> None:
    """A sync that had begun before somebody asked is none for them; one that fails is told to all it was for."""
    begun: list[float] = []

    def sync() -> None:
        begun.append(monotonic())
        sleep(0.05)
        if len(begun) % 2 == 0:
            raise OSError("no space")

    syncing = Syncing(sync)
    found: list[tuple[bool, str]] = []

    def ask() -> None:
        for _ in range(10):
            asked = monotonic()
            reason = syncing.wait(10)
            found.append((any(asked <= one for one in begun), reason))

    asking = [Thread(target=ask) for _ in range(4)]
    for one in asking:
        one.start()
    for one in asking:
        one.join()
    assert {True} == {after for after, _ in found}
    assert {"", "no space"} == {reason for _, reason in found}
    assert (40, True) == (len(found), len(begun) < 40)


def test_the_budget_holds(tmp_path: Path) -> None:
    """All spools of a home together take no more than they may."""
    spool = Appender(tmp_path, "h/1/00000001", 100_000)
    taken = 0
    with suppress(SpoolFull):
        while taken < 1000:
            taken += spool.append(one_event())
    assert 80 < taken < 200
    assert folder.look(tmp_path).size <= 100_000
    before = spool.ordinal
    with pytest.raises(SpoolFull):
        Appender(tmp_path, "h/2/00000002", 100_000).append(one_event())
    assert before == spool.ordinal


def test_what_waits_is_measured(home: Path) -> None:
    """Bytes, entries and age of what the database has not yet are told; nothing once it has them."""
    spooled(30)
    settings = config.load()
    found = depth.look(settings)
    assert (30, True, True) == (found.entries, found.size > 0, found.age > 0)
    Log().rows()
    assert (0, 0, 0.0, 0) == depth.look(settings)


def test_large_spools_rotate_and_stay_in_order(audit_log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """A spool of several segments arrives in the order of its writer."""
    monkeypatch.setattr("flowstone_audit.spool.appender._SEGMENT_SIZE", 20_000)
    keeper = recorder.current()
    keeper.spool._most = 20_000
    events = [sample(RunStart) for _ in range(300)]
    for begin in range(0, 300, 10):
        keeper.gather(events[begin : begin + 10])
        keeper.settle()
    assert len(folder.look(keeper.config.spool).segments[keeper.spool.stem]) > 2
    keeper.spool.sync()
    entry = flowstone_audit.log("a.b", actor_id="ann", actor_type="user")
    found = audit_log.rows()
    assert [*(one.id for one in events), entry.id] == [row["id"] for row in found]
    assert list(range(1, 302)) == [row["ordinal"] for row in found]


def test_rows_come_back_from_the_spool(home: Path) -> None:
    """A row survives its JSON, and what is none is refused."""
    entry = flowstone_audit.log(
        "a.b", actor_id="ann", actor_type="user", client_ip="1.1.1.1", details={"x": "ü␀"}
    )
    (row,) = Log().rows()
    assert entry.id == row["id"]
    for broken in (b"{}", b"[]", b"[1]", b"nope"):
        with pytest.raises(ValueError, match=r"."):
            rows.decode(broken)


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
