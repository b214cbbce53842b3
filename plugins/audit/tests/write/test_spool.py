"""The spool: what is in it arrives, once, whatever became of its file."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from threading import enumerate as threads
from time import monotonic, sleep
from typing import Any

import pytest

import flowstone_audit
from flowstone.plugin import RunStart
from flowstone.testing.samples import sample
from flowstone_audit import config, database, depth, ingest, insert, recorder
from flowstone_audit.spool import batch, folder, rows
from flowstone_audit.spool.appender import Appender, SpoolFull
from flowstone_audit.spool.claim import Claim, Position
from flowstone_audit.spool.syncing import Syncing
from plugins.audit.tests.write.log_table import Log
from plugins.audit.tests.write.spooling import spooled


def one_event() -> list[batch.Batch]:
    return [one for one in batch.packed([sample(RunStart)]) if isinstance(one, batch.Batch)]


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
