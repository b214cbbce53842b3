"""`log` in a signal handler or a destructor, which come while their thread is at something of the audit log."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import flowstone_audit
from flowstone.plugin import RunStart
from flowstone.testing.samples import sample
from flowstone_audit import insert, recorder, writer
from flowstone_audit.entry import AuditEntry
from flowstone_audit.spool import own
from plugins.audit.tests.write.log_table import Log

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


def log(kind: str) -> AuditEntry:
    return flowstone_audit.log(kind, actor_id="ann", actor_type="user")


def in_time(work: Callable[[], object]) -> None:
    """Run *work* in a thread, which a deadlock does not take the tests along with."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive(), "it waits for itself"


def interrupted(patched: pytest.MonkeyPatch, where: object, name: str, inner: list[AuditEntry]) -> None:
    """Have `log` called by whoever comes by *name* next, as a handler of a signal does, once."""
    real, begun = getattr(where, name), threading.Event()

    def call(*given: Any, **more: Any) -> Any:
        if not begun.is_set():
            begun.set()
            inner.append(log("inner"))
        return real(*given, **more)

    patched.setattr(where, name, call)


def test_while_the_database_is_written_to(audit_log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both entries are kept, and the inner one waits for nothing that its thread holds."""
    log("first")
    inner: list[AuditEntry] = []
    with monkeypatch.context() as patched:
        interrupted(patched, insert, "numbered", inner)
        in_time(lambda: log("outer"))
    assert inner[0].pending
    assert {"first", "inner", "outer"} == set(audit_log.types())
    rows = {row["id"]: row for row in audit_log.rows()}
    mine = rows[inner[0].id]
    assert (inner[0].row_hash, inner[0].ordinal, 1) == (mine["row_hash"], mine["ordinal"], mine["ordinal"])
    assert recorder.current().writer != mine["writer"]


def test_while_the_spool_is_written_to(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same in the middle of the spool, where the lock of its places is held."""
    monkeypatch.setenv("FLOWSTONE_AUDIT_URL", NOWHERE)
    log("first")
    inner: list[AuditEntry] = []
    with monkeypatch.context() as patched:
        interrupted(patched, os, "write", inner)
        in_time(lambda: log("outer"))
    recorder.current().close()
    monkeypatch.delenv("FLOWSTONE_AUDIT_URL")
    assert {"first", "inner", "outer"} == set(Log().types())


def test_while_events_are_written_to_the_spool(audit_log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """A destructor that runs in the thread of the drain, which is not in `log`."""
    log("first")
    keeper = recorder.current()
    keeper.gather([sample(RunStart)])
    inner: list[AuditEntry] = []
    with monkeypatch.context() as patched:
        interrupted(patched, os, "write", inner)
        in_time(keeper.settle)
    assert {"first", "inner", "run.start"} == set(audit_log.types())


def test_while_the_own_spool_is_ingested(audit_log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """A destructor that runs in the thread of the chores, which has the claim."""
    log("first")
    keeper = recorder.current()
    keeper.gather([sample(RunStart)])
    keeper.settle()
    inner: list[AuditEntry] = []
    with monkeypatch.context() as patched:
        interrupted(patched, insert, "many", inner)
        in_time(audit_log.rows)
    assert inner[0].pending
    assert own.of(keeper.spool.stem) is keeper.own
    assert {"first", "inner", "run.start"} == set(audit_log.types())


class Soft(Exception):
    """What a handler raises to end what its thread is at."""


@pytest.mark.parametrize("name", ["_turn", "own"])
def test_an_exception_of_a_handler_keeps_no_lock(
    home: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Where it comes as a lock has just been taken, the next entries reach the database all the same."""
    log("first")
    keeper = recorder.current()
    holder = writer._committer(keeper) if name == "_turn" else keeper.own
    place = name if name == "_turn" else "lock"
    lock = getattr(holder, place)

    class Interrupted:
        def acquire(self, *given: Any, **more: Any) -> bool:
            lock.acquire(*given, **more)
            signal.raise_signal(signal.SIGALRM)
            return True

        def __getattr__(self, name: str) -> Any:
            return getattr(lock, name)

    def raises(number: int, frame: FrameType | None) -> None:
        raise Soft

    former = signal.signal(signal.SIGALRM, raises)
    try:
        with monkeypatch.context() as patched:
            patched.setattr(holder, place, Interrupted())
            with pytest.raises(Soft):
                log("ended")
    finally:
        signal.signal(signal.SIGALRM, former)
    entries: list[AuditEntry] = []
    in_time(lambda: entries.append(log("later")))
    assert not entries[0].pending
