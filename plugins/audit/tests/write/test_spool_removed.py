"""The files of a spool, removed while their process lives: nothing that was acknowledged goes with them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import flowstone_audit
from flowstone.plugin import RunStart, stats
from flowstone.testing.samples import sample
from flowstone_audit import flushing, recorder
from flowstone_audit.spool import folder
from plugins.audit.tests.write.log_table import Log

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


def _folder(spool: Path) -> None:
    shutil.rmtree(spool)


def _files(spool: Path) -> None:
    for one in spool.iterdir():
        one.unlink()


def _segment(spool: Path) -> None:
    for one in spool.glob("*.spool"):
        one.unlink()


def _moved(spool: Path) -> None:
    spool.rename(spool.with_name("old"))


REMOVED = pytest.mark.parametrize("remove", [_folder, _files, _segment, _moved])


def log() -> str:
    return flowstone_audit.log("rule.updated", actor_id="ann", actor_type="user").id


def spooled(count: int) -> list[str]:
    keeper = recorder.current()
    events = [sample(RunStart) for _ in range(count)]
    keeper.gather(events)
    keeper.settle()
    return [one.id for one in events]


@REMOVED
def test_entries_arrive_when_the_database_is_there(audit_log: Log, remove: Callable[[Path], None]) -> None:
    """What is logged afterwards, and what waited in the removed file, is in the log, in its order."""
    first = log()
    waiting = spooled(5)
    remove(recorder.current().config.spool)
    later = [log() for _ in range(5)]
    assert [first, *waiting, *later] == [row["id"] for row in audit_log.rows()]
    assert "" == recorder.current().chores.problem


@REMOVED
def test_entries_wait_when_the_database_is_not(
    home: Path, monkeypatch: pytest.MonkeyPatch, remove: Callable[[Path], None]
) -> None:
    """What was acknowledged before and after is in the files of the spool, for whoever can ingest it."""
    monkeypatch.setenv("FLOWSTONE_AUDIT_URL", NOWHERE)
    entries = [log() for _ in range(3)]
    entries += spooled(3)
    remove(recorder.current().config.spool)
    entries += [log() for _ in range(3)]
    entries += spooled(3)
    assert flushing.shutdown(0.1)
    monkeypatch.delenv("FLOWSTONE_AUDIT_URL")
    assert entries == [row["id"] for row in Log().rows()]


def test_what_nobody_follows_is_restored_by_a_flush(home: Path) -> None:
    """Where nothing is appended afterwards, the next flush brings back what the removed file held."""
    waiting = spooled(5)
    settings = recorder.current().config
    shutil.rmtree(settings.spool)
    before = stats().get("audit.spool.removed", 0)
    assert flushing.flush(0.1)
    assert before + 1 == stats()["audit.spool.removed"]
    assert 1 == len(folder.look(settings.spool).segments)
    assert waiting == [row["id"] for row in Log().rows()]


def test_a_folder_that_cannot_be_made_again_keeps_nothing_from_the_database(audit_log: Log) -> None:
    """The database takes entries all the same, what waits is not said to be safe, and comes when there is a folder."""
    first = log()
    waiting = spooled(5)
    spool = recorder.current().config.spool
    shutil.rmtree(spool)
    spool.write_text("in the way")
    entry = flowstone_audit.log("rule.updated", actor_id="ann", actor_type="user")
    assert not entry.pending
    assert not flushing.flush(0.1)
    spool.unlink()
    assert flushing.flush(0.1)
    assert {first, *waiting, entry.id} == {row["id"] for row in audit_log.rows()}


def test_what_ends_with_the_process_is_counted(home: Path) -> None:
    """Where the process ends before there is a folder again, what the removed file held counts as lost."""
    spooled(5)
    spool = recorder.current().config.spool
    shutil.rmtree(spool)
    spool.write_text("in the way")
    before = stats().get("audit.dropped", 0)
    recorder.current().close()
    assert before + 5 == stats()["audit.dropped"]


def test_what_the_database_has_is_not_sent_again(audit_log: Log) -> None:
    """A removed file brings back only what was not ingested."""
    log()
    spooled(20)
    assert 21 == len(audit_log.rows())
    spool = recorder.current().config.spool
    shutil.rmtree(spool)
    spooled(1)
    (segment,) = spool.glob("*.spool")
    assert 2 == segment.read_bytes().count(b"\n"), "its head, and the last"
    assert 22 == len(audit_log.rows())


def test_a_spool_that_cannot_be_read_is_no_trouble_of_the_database(
    audit_log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the own segment cannot be opened, entries are committed by themselves."""
    log()
    spooled(1)
    real = os.open

    def refuse(path: str | Path, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if str(path).endswith(".spool"):
            raise OSError(5, "Input/output error")
        return real(path, flags, mode, dir_fd=dir_fd)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", refuse)
        entry = flowstone_audit.log("rule.updated", actor_id="ann", actor_type="user")
    assert not entry.pending
    assert 3 == len(audit_log.rows())
