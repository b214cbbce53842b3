"""Group commit: whoever writes an entry, it has one place."""

from __future__ import annotations

import threading
from pathlib import Path
from time import monotonic, sleep

import pytest

import flowstone_audit
from flowstone_audit import commit, recorder, writer
from flowstone_audit.entry import AuditEntry
from plugins.audit.tests.write.log_table import Log


def log() -> AuditEntry:
    return flowstone_audit.log("rule.updated", actor_id="ann", actor_type="user")


def test_an_entry_in_the_spool_has_its_receipt(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ordinal and hash are returned while the database is away, and are those that the log has later."""
    monkeypatch.setenv("FLOWSTONE_AUDIT_URL", "postgresql://nobody@127.0.0.1:1/none")
    entries = [log() for _ in range(3)]
    assert all(entry.pending for entry in entries)
    recorder.current().close()
    monkeypatch.delenv("FLOWSTONE_AUDIT_URL")
    found = [(row["ordinal"], row["row_hash"]) for row in Log().rows()]
    assert found == [(entry.ordinal, entry.row_hash) for entry in entries]
    assert [1, 2, 3] == [entry.ordinal for entry in entries]


def test_one_that_waited_too_long_takes_no_second_place(
    audit_log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a follower writes to the spool what a leader is committing, it is one entry, and no ordinal is missing."""
    log()
    keeper = recorder.current()
    monkeypatch.setattr(commit, "_COMMIT_S", 0.3)
    monkeypatch.setattr(commit, "_CLAIM_S", 1.0)
    entries: list[AuditEntry] = []
    threads = [threading.Thread(target=lambda: entries.append(log())) for _ in range(3)]
    with keeper.own.lock:  # where the leader waits, with all three taken from the queue
        with writer._committer(keeper)._turn:
            for thread in threads:
                thread.start()
            sleep(0.1)
        deadline = monotonic() + 10
        while len(entries) < 2 and monotonic() < deadline:
            sleep(0.01)
    for thread in threads:
        thread.join()
    entries.append(log())
    found = {row["id"]: (row["ordinal"], row["row_hash"]) for row in audit_log.rows()}
    assert [1, 2, 3, 4, 5] == sorted(ordinal for ordinal, _ in found.values())
    assert [found[entry.id] for entry in entries] == [(entry.ordinal, entry.row_hash) for entry in entries]


def test_an_entry_that_is_refused_uses_no_place(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What neither database nor spool could take leaves no hole in the ordinals."""
    monkeypatch.setenv("FLOWSTONE_AUDIT_URL", "postgresql://nobody@127.0.0.1:1/none")
    log()
    spool = recorder.current().spool
    monkeypatch.setattr(spool, "_max_bytes", 0)
    with pytest.raises(flowstone_audit.NotRecorded):
        log()
    monkeypatch.setattr(spool, "_max_bytes", 1 << 20)
    assert 2 == log().ordinal
