"""What the background does: rows of hosts are taken in once, seals follow, and no thread is no end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic, sleep
from uuid import UUID

import pytest
from sqlalchemy import select

import flowstone_audit
from flowstone.plugin import RunStart, hookimpl, stats
from flowstone.testing.capture import capture
from flowstone.testing.samples import sample
from flowstone_audit import anchors, chores, collecting, database, ingest, recorder
from flowstone_audit.spool import folder
from flowstone_audit.tables import seal
from plugins.audit.tests.write.log_table import Log

ID = "0190a1b2c3d44e5f8a9b0c1d2e3f4a5b"


class Host:
    """A plugin whose host keeps records of its own."""

    def __init__(self, *rows: object) -> None:
        self._rows = rows

    @hookimpl
    def provide_audit_rows(self) -> list[object]:
        """Return the same rows each time."""
        return list(self._rows)


def _row(**more: object) -> dict[str, object]:
    return {"id": ID, "event_type": "host.deployed", "actor_id": "ann", "actor_type": "user", **more}


def _collected() -> int:
    keeper = recorder.current()
    keeper.chores.stop()  # it would collect as well
    with database.connect() as connection:
        return collecting.collect(connection, keeper.spool, keeper.config.private)


def test_rows_of_a_host_are_taken_in_once(audit_log: Log) -> None:
    """A row that is provided again and again, in any spelling of its id, is one entry, with what it says."""
    flowstone_audit.log("rule.updated", actor_id="ann", actor_type="user")
    again = _row(id=str(UUID(ID)))
    told = _row(time=1_736_899_200_123_456_789, details={"version": 7, "api_key": "k"}, resource_type="code")
    with capture(Host(told, again)):
        assert 1 == _collected()
        found = audit_log.rows()[-1]
        assert 0 == _collected()
    assert (ID, "host.deployed", "code") == (found["id"], found["event_type"], found["resource_type"])
    assert '{"version":7,"api_key":"[redacted]"}' == found["details"]
    assert ["rule.updated", "host.deployed"] == audit_log.types()


@pytest.mark.parametrize(
    "bad",
    [
        *("text", {}, _row(id="x"), _row(actor_type="robot"), _row(details=[1])),
        *(_row(time="now"), _row(time=float("inf")), _row(time=float("nan"))),
    ],
)
def test_a_malformed_row_is_counted_and_left_out(audit_log: Log, bad: object) -> None:
    """One row that is none does not keep the others out."""
    flowstone_audit.log("rule.updated", actor_id="ann", actor_type="user")
    recorder.current().chores.stop()
    before = stats().get("audit.row.refused", 0)
    with capture(Host(bad, _row())):
        assert 1 == _collected()
    assert before + 1 == stats().get("audit.row.refused", 0)


def test_the_background_takes_them_in_and_seals_them(audit_log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once something is committed, what hosts provide is in the log and sealed without anybody asking."""
    monkeypatch.setenv("FLOWSTONE_AUDIT_SEAL_INTERVAL", "0.1")
    with capture(Host(_row())):
        flowstone_audit.log("rule.updated", actor_id="ann", actor_type="user")
        deadline = monotonic() + 20
        while _sealed() < 2 and monotonic() < deadline:
            sleep(0.05)
    assert ["rule.updated", "host.deployed"] == [row["event_type"] for row in audit_log.rows(caught_up=False)]
    assert 2 == _sealed()


class Odd(dict[str, object]):
    """A mapping that does not answer."""

    def get(self, *_: object) -> object:
        raise RuntimeError("not now")


@pytest.mark.parametrize("fault", ["mapping", "spool"])
def test_what_cannot_be_taken_in_keeps_nothing_from_being_sealed(
    audit_log: Log, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """Where a host's rows raise, or the spool is full, the log is sealed all the same, and the failure counted."""
    monkeypatch.setenv("FLOWSTONE_AUDIT_SEAL_INTERVAL", "0.1")
    if fault == "spool":
        monkeypatch.setattr("flowstone_audit.config._LEAST_SPOOL", 100)
        monkeypatch.setenv("FLOWSTONE_AUDIT_SPOOL_MAX_BYTES", "100")
    before = stats().get("audit.collect.failed", 0)
    with capture(Host(Odd() if fault == "mapping" else _row())):
        flowstone_audit.log("rule.updated", actor_id="ann", actor_type="user")
        deadline = monotonic() + 20
        while not _sealed() and monotonic() < deadline:
            sleep(0.05)
        _end()
    assert 1 == _sealed()
    assert before < stats().get("audit.collect.failed", 0)


class Slow:
    """An anchor that gets one checkpoint in its time."""

    name = "slow"

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.is_there = False

    @hookimpl
    def provide_audit_anchor(self) -> list[Slow]:
        """Return it."""
        return [self]

    def publish(self, note: str) -> None:
        """Keep the checkpoint, but for all after the first as long as it is away."""
        if self.notes and not self.is_there:
            raise OSError("away")
        sleep(0.4 if self.is_there else 0)
        self.notes.append(note)


def test_a_slow_anchor_gets_everything_though_nothing_new_is_sealed(
    audit_log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an anchor did not get in its time, it gets in the next rounds, also when nothing is logged any more."""
    monkeypatch.setenv("FLOWSTONE_AUDIT_SEAL_INTERVAL", "0.05")
    slow = Slow()
    with capture(slow):
        for number in range(1, 10):
            slow.is_there = number == 9
            if slow.is_there:
                monkeypatch.setattr(anchors, "WAIT_S", 1.0)
            flowstone_audit.log("rule.updated", actor_id="ann", actor_type="user")
            _wait(lambda: _sealed() == number)  # noqa: B023 - called at once
        _wait(lambda: len(slow.notes) == 9)
        _end()
    assert 9 == len(slow.notes)


def _end() -> None:
    """Let the thread end what it is at: closing the database would take its connection from under it."""
    background = recorder.current().chores
    background.stop()
    if background._thread is not None:
        background._thread.join(20)


def _wait(until: Callable[[], bool]) -> None:
    deadline = monotonic() + 20
    while not until() and monotonic() < deadline:
        sleep(0.05)


def _sealed() -> int:
    with database.connect() as connection:
        return sum(connection.execute(select(seal.c.leaves)).scalars())


def test_what_a_round_had_no_time_for_is_taken_in_by_the_next(
    audit_log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a round ends before the spool does, the rest waits neither for another entry nor for a flush."""
    monkeypatch.setattr(chores, "_ROUND_S", 0.0)
    flowstone_audit.log("rule.updated", actor_id="ann", actor_type="user")
    keeper = recorder.current()
    for _ in range(5):
        keeper.gather([sample(RunStart) for _ in range(60)])
        keeper.settle()
    deadline = monotonic() + 20
    while len(found := audit_log.rows(caught_up=False)) < 301 and monotonic() < deadline:
        sleep(0.1)
    assert 301 == len(found)


def test_a_spool_that_cannot_be_read_is_not_taken_for_the_database(
    audit_log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    """Another user's, or one on a bad spot of the disk, waits and is told of; entries go on into the database."""
    keeper = recorder.current()
    folder.segment_path(keeper.config.spool, "17-0123abcd", 1).mkdir(
        parents=True
    )  # which nobody can read as a file
    before = stats().get("audit.spool.unreadable", 0)
    for _ in range(2):
        keeper.gather([sample(RunStart)])
        keeper.settle()
        keeper.chores.ingest(5.0)
    assert (True, "") == (keeper.chores.is_open, keeper.chores.problem)
    assert not flowstone_audit.log("rule.updated", actor_id="ann", actor_type="user").pending
    found = [row["event_type"] for row in audit_log.rows(caught_up=False)]
    assert ["run.start", "run.start", "rule.updated"] == found
    assert stats()["audit.spool.unreadable"] - before >= 2
    said = [one for one in caplog.messages if "cannot be read" in one]
    assert [True] == ["17-0123abcd" in one for one in said]


def test_a_database_that_takes_long_to_open_is_waited_for_once(
    audit_log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it is being opened entries go to the spool at once, but for the first, which waits a second."""
    free = threading.Event()

    def catch_up(timeout: float = 5.0) -> int:
        free.wait(20)
        return 0

    took = []
    with monkeypatch.context() as patched:
        patched.setattr(ingest, "catch_up", catch_up)
        for _ in range(3):
            began = monotonic()
            entry = flowstone_audit.log("rule.updated", actor_id="ann", actor_type="user")
            took.append(monotonic() - began)
            assert entry.pending
    free.set()
    assert took[0] > 0.5 > took[1] + took[2]
    assert ["rule.updated"] * 3 == audit_log.types()


def test_without_threads_entries_are_written_by_the_caller(
    audit_log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While no thread can be started the caller opens the database; later the background works after all."""
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == "flowstone-audit":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    entry = flowstone_audit.log("rule.updated", actor_id="ann", actor_type="user")
    assert not entry.pending
    assert 0 == _sealed()
    monkeypatch.setattr(threading.Thread, "start", start)
    flowstone_audit.log("rule.updated", actor_id="ann", actor_type="user")
    recorder.current().chores.note()
    deadline = monotonic() + 20
    while _sealed() < 2 and monotonic() < deadline:
        sleep(0.05)
    assert 2 == _sealed()
