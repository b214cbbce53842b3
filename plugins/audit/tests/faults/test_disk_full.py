"""A disk that is full: who waits is told, what nobody waits for is kept as long as it can be, losses are counted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

import flowstone
import flowstone_audit
from flowstone.plugin import RunStart, encode_many, stats
from flowstone.testing.capture import capture
from flowstone.testing.samples import sample
from flowstone_audit import depth, entries, health, losses, recorder
from flowstone_audit.canonical import sealed
from flowstone_audit.plugin import AuditPlugin
from flowstone_audit.row import Row
from flowstone_audit.spool.appender import Item
from flowstone_audit.spool.batch import Batch
from plugins.audit.tests.write.log_table import Log

LIMITED = """
import json, os, resource, signal, sys, time
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
import flowstone, flowstone_audit
from flowstone.plugin import stats
acknowledged, refused = [], 0
flowstone_audit.log("rule.updated", actor_id="ann", actor_type="user")
resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, resource.RLIM_INFINITY))
for number in range(1500):
    try:
        entry = flowstone_audit.log("rule.updated", actor_id="ann", actor_type="user", details={"x": "y" * 1000})
        acknowledged.append(entry.id)
    except flowstone_audit.NotRecorded:
        refused += 1
        break
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
entry = flowstone_audit.log("after.all", actor_id="ann", actor_type="user")
acknowledged.append(entry.id)
print(json.dumps([acknowledged, refused]))
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one MiB, where we may mount one."""
    folder = tmp_path / "small"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], check=False, capture_output=True
    )
    if done.returncode != 0:
        pytest.skip("mounting a tmpfs needs root")
    yield folder
    recorder.replace(None)
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def full(home: Path, small_disk: Path) -> Path:
    """A spool whose disk is full; the file that fills it."""
    (home / "audit").mkdir(parents=True)
    (home / "audit" / "spool").symlink_to(small_disk)
    recorder.current().settle()
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass
    return filler


def test_files_that_may_grow_no_more_lose_nothing(home: Path) -> None:
    """Database and spool may both be full: what was acknowledged is there, what was not raised."""
    environment = {**os.environ, "FLOWSTONE_AUDIT_SPOOL_MAX_BYTES": "8M"}
    done = subprocess.run(
        [sys.executable, "-c", LIMITED], capture_output=True, check=True, env=environment, timeout=120
    )
    acknowledged, _ = json.loads(done.stdout)
    found = {row["id"] for row in Log().rows()}
    assert set() == set(acknowledged) - found


def test_log_raises_where_nothing_can_take_the_entry(full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With database and spool both gone, `log` says so, and nothing of the entry is kept."""
    monkeypatch.setenv("FLOWSTONE_AUDIT_URL", "postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(flowstone_audit.NotRecorded, match="No space left"):
        flowstone_audit.log("a.b", actor_id="ann", actor_type="user")


def test_what_is_refused_is_seen_outside(full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each refusal is counted as lost, and the spool is unhealthy until the disk takes something again."""
    monkeypatch.setenv("FLOWSTONE_AUDIT_URL", "postgresql://nobody@127.0.0.1:1/none")
    before = dict(depth._lost()).get(("refused",), 0)
    for _ in range(3):
        with pytest.raises(flowstone_audit.NotRecorded):
            flowstone_audit.log("a.b", actor_id="ann", actor_type="user")
    assert before + 3 == dict(depth._lost())[("refused",)]
    found = health.spool()
    assert ("unhealthy", True) == (found.status, "No space left" in found.message)
    monkeypatch.setattr(health, "_TROUBLE_S", 0.0)
    assert "degraded" == health.spool().status, "nobody has tried for a while"
    monkeypatch.setattr(health, "stats", dict)  # what other tests have lost in this process
    full.unlink()
    flowstone_audit.log("a.b", actor_id="ann", actor_type="user")
    assert "healthy" == health.spool().status


def test_a_budget_that_is_used_up_is_unhealthy(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where entries are refused for the budget it is no matter that the last one that fitted left some room."""
    monkeypatch.setenv("FLOWSTONE_AUDIT_URL", "postgresql://nobody@127.0.0.1:1/none")
    monkeypatch.setenv("FLOWSTONE_AUDIT_SPOOL_MAX_BYTES", "65536")
    before = stats().get("audit.refused", 0)
    for _ in range(100):
        try:
            flowstone_audit.log("a.b", actor_id="ann", actor_type="user", details={"x": "y" * 1000})
        except flowstone_audit.NotRecorded:
            break
    assert before + 1 == stats()["audit.refused"]
    assert "unhealthy" == health.spool().status


def test_a_decision_that_cannot_be_kept_is_told_to_who_decided(full: Path) -> None:
    """`approve` raises; the plugin is not at fault; the verdict is kept in memory, and written when it can be."""
    with capture(AuditPlugin()) as captured:
        gate = flowstone.checkpoint("publish").request()
        with pytest.raises(flowstone.CheckpointNotRecorded, match="No space left"):
            gate.approve(actor="ann")
        assert "approved" == gate.verdict
        assert [] == captured.of("plugin.failed")
        full.unlink()
        with flowstone.run("later"):
            pass
        assert "run.stop" in captured.names()
        captured.engine.flush(2.0)
    types = [row["event_type"] for row in Log().rows()]
    assert ["checkpoint.requested", "checkpoint.approved", "run.start", "run.stop"] == types


def test_what_memory_cannot_hold_is_counted_and_told(full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest go; when the disk has room again an `audit.gap` entry tells how many and which ordinals."""
    monkeypatch.setattr(losses, "MOST_BYTES", 20_000)
    before = stats().get("audit.dropped", 0)
    keeper = recorder.current()
    batch = [sample(RunStart) for _ in range(100)]
    for one in batch:
        keeper.gather([one])
        keeper.settle()
    dropped = stats()["audit.dropped"] - before
    assert 0 < dropped < 100
    full.unlink()
    last = sample(RunStart)
    keeper.gather([last])
    keeper.settle()
    rows = Log().rows()
    assert [*(one.id for one in batch[dropped:]), last.id] == [
        row["id"] for row in rows if row["event_type"] == "run.start"
    ]
    (gap,) = [json.loads(row["details"]) for row in rows if row["event_type"] == "audit.gap"]
    assert (dropped, 1, dropped) == (
        gap["count"],
        gap["first_ordinal"],
        gap["first_ordinal"] + gap["count"] - 1,
    )


def test_entries_that_nobody_need_wait_for_are_held(full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the policy `spool` an entry of `log`, and an event too long for a batch, wait in memory as others do."""
    monkeypatch.setenv("FLOWSTONE_AUDIT_ON_FAILURE", "*=spool")
    monkeypatch.setenv("FLOWSTONE_AUDIT_URL", "postgresql://nobody@127.0.0.1:1/none")
    before = stats().get("audit.dropped", 0)
    logged = flowstone_audit.log("a.b", actor_id="ann", actor_type="user")
    keeper = recorder.current()
    huge = replace(sample(RunStart), attributes={f"key{n}": "x" * 1000 for n in range(200)})
    for one in (huge, sample(RunStart)):
        keeper.gather([one])
        keeper.settle()
    assert keeper.losses.held
    assert 3 == keeper.losses.waiting
    full.unlink()
    keeper.settle()
    assert not keeper.losses.held
    monkeypatch.delenv("FLOWSTONE_AUDIT_URL")
    rows = Log().rows()
    assert [(1, logged.id), (2, huge.id)] == [(row["ordinal"], row["id"]) for row in rows[:2]]
    assert (3, before) == (len(rows), stats().get("audit.dropped", 0))


def test_entries_that_are_held_have_their_bound(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Entries of `log` that wait in memory take no more than they may, also while nothing tries them again."""
    monkeypatch.setattr(losses, "MOST_BYTES", 5_000)
    keeper = recorder.current()
    before = stats().get("audit.dropped", 0)
    for _ in range(100):
        keeper.hold(sealed(entries.BLANK._replace(id=entries.new_id(1), event_type="a.b")), "no space")
    assert 0 < keeper.losses.waiting < 30
    assert 100 == keeper.losses.waiting + stats()["audit.dropped"] - before


def test_each_loss_is_told_with_its_ordinals(home: Path) -> None:
    """What was lost at different times is told in an entry each, with the ordinals that are missing."""
    keeper = recorder.current()
    for lost in (1, 3):
        keeper.losses.drop(lost, "no space")
        keeper.losses.drop(1, "no space")
        one = sample(RunStart)
        keeper.spool.append([Batch([one], encode_many([one]))])  # as another thread's entry
    keeper.gather([sample(RunStart)])
    keeper.settle()
    assert [(2, 1, 2), (4, 4, 7)] == _gaps()


def test_what_is_lost_while_losses_are_told_is_told_next(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that loses an entry just then is not forgotten, nor what the spool did not take."""
    keeper = recorder.current()
    keeper.losses.drop(1, "no space")
    append, faults = keeper.spool.append, iter([OSError("no space")])

    def meanwhile(items: Sequence[Item]) -> int:
        if any(isinstance(one, Row) and one.event_type == "audit.gap" for one in items):
            monkeypatch.setattr(keeper.spool, "append", append)
            keeper.losses.drop(1, "no space")
            for fault in faults:
                raise fault
        return append(items)

    for _ in range(2):
        monkeypatch.setattr(keeper.spool, "append", meanwhile)
        keeper.gather([sample(RunStart)])
        keeper.settle()
    keeper.gather([sample(RunStart)])
    keeper.settle()
    assert 3 == sum(count for count, _, _ in _gaps())


def _gaps() -> list[tuple[int, int, int]]:
    found = [json.loads(row["details"]) for row in Log().rows() if row["event_type"] == "audit.gap"]
    return [(one["count"], one["first_ordinal"], one["last_ordinal"]) for one in found]


def test_what_may_be_dropped_is_dropped(full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the policy `drop` nobody is told but the counters."""
    monkeypatch.setenv("FLOWSTONE_AUDIT_ON_FAILURE", "*=drop")
    monkeypatch.setenv("FLOWSTONE_AUDIT_URL", "postgresql://nobody@127.0.0.1:1/none")
    recorder.replace(None)
    before = stats().get("audit.dropped", 0)
    flowstone_audit.log("a.b", actor_id="ann", actor_type="user")
    keeper = recorder.current()
    keeper.gather([sample(RunStart)])
    keeper.settle()
    assert 2 == stats()["audit.dropped"] - before
    assert not keeper.losses.held
