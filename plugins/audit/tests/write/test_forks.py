"""Forks, and several processes on one home."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import flowstone
import flowstone_audit
from flowstone.plugin import RunStart
from flowstone.testing.capture import capture
from flowstone.testing.forked import in_child
from flowstone.testing.samples import sample
from flowstone_audit import config, ingest, recorder
from flowstone_audit.plugin import AuditPlugin
from flowstone_audit.spool import folder
from plugins.audit.tests.write.log_table import Log


def test_a_child_logs_as_a_writer_of_its_own(audit_log: Log) -> None:
    """A forked child's entries arrive, under its own name, and the parent goes on as before."""
    before = flowstone_audit.log("parent.before", actor_id="ann", actor_type="user")

    def child() -> None:
        entry = flowstone_audit.log("child.logged", actor_id="ann", actor_type="user")
        assert str(os.getpid()) == entry.writer.split("/")[1]

    assert "" == in_child(child)
    after = flowstone_audit.log("parent.after", actor_id="ann", actor_type="user")
    rows = {row["event_type"]: row for row in audit_log.rows()}
    assert {"parent.before", "child.logged", "parent.after"} == set(rows)
    assert before.writer == after.writer != rows["child.logged"]["writer"]
    assert [1, 1, 2] == [rows[name]["ordinal"] for name in ("parent.before", "child.logged", "parent.after")]


def test_forks_beside_busy_threads_lose_nothing(audit_log: Log) -> None:
    """Children forked while threads log keep their own entries and break none of the parent's."""
    flowstone_audit.log("first.one", actor_id="ann", actor_type="user")
    kept: list[str] = []
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            kept.append(flowstone_audit.log("parent.logged", actor_id="ann", actor_type="user").id)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        told = [
            in_child(lambda: flowstone_audit.log("child.logged", actor_id="ann", actor_type="user"))
            for _ in range(6)
        ]
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert [""] * 6 == told
    rows = audit_log.rows()
    assert set(kept) == {row["id"] for row in rows if row["event_type"] == "parent.logged"}
    assert 6 == sum(row["event_type"] == "child.logged" for row in rows)


def test_lifecycle_events_of_a_child_are_audited(audit_log: Log) -> None:
    """What a child's run tells goes into a spool of its own, also where it leaves by `os._exit`."""
    with capture(AuditPlugin()):
        with flowstone.run("parent"):
            pass

        def child() -> None:
            with flowstone.run("child"):
                pass
            assert flowstone.flush(5.0)

        assert "" == in_child(child)
    starts = [row["actor_id"] for row in audit_log.rows() if row["event_type"] == "run.start"]
    assert ["python/child", "python/parent"] == sorted(starts)


def test_two_that_ingest_at_once_double_nothing(audit_log: Log) -> None:
    """Two processes that bring in the same spools bring each entry in once, in its writer's order."""
    keeper = recorder.current()
    keeper.chores.stop()  # on a busy machine it would bring them in before the two begin
    batch = [sample(RunStart) for _ in range(2000)]
    for begin in range(0, 2000, 100):
        keeper.gather(batch[begin : begin + 100])
        keeper.settle()
    keeper.close()
    command = [sys.executable, "-c", "from flowstone_audit import ingest; print(ingest.catch_up(30.0))"]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    brought = [int(one.communicate(timeout=60)[0]) for one in running]
    assert 2000 == sum(brought)
    assert [one.id for one in batch] == [row["id"] for row in audit_log.rows()]


def test_a_dead_writer_is_cleared_away(audit_log: Log) -> None:
    """What a process left that was killed is brought in and removed; a living one's spool is not."""
    of_child, of_parent = sample(RunStart), sample(RunStart)

    def child() -> None:
        keeper = recorder.current()
        keeper.gather([of_child])
        keeper.settle()
        os.kill(os.getpid(), 9)

    assert "status" in in_child(child)
    keeper = recorder.current()
    keeper.chores.stop()  # on a busy machine it would bring them in by itself
    keeper.gather([of_parent])
    keeper.settle()
    assert 2 == len(folder.look(config.load().spool).segments)
    assert 2 == ingest.catch_up(10)
    assert [keeper.spool.stem] == list(folder.look(config.load().spool).segments)


def test_a_home_that_is_not_there_yet_is_made(tmp_path: Path, home: Path) -> None:
    """The first entry makes home and database, readable by their owner only."""
    flowstone_audit.log("a.b", actor_id="ann", actor_type="user")
    assert 1 == len(Log().rows())
    assert [0o700, 0o600] == [path.stat().st_mode & 0o777 for path in (home, home / "audit.db")]
