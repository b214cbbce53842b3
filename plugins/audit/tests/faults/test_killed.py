"""kill -9 of writing processes: what was acknowledged is there, once."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import pytest

from plugins.audit.tests.write.log_table import Log
from tests.otel.receivers import until

WRITE = """
import os, sys, threading, time
import flowstone, flowstone_audit
acknowledged = os.open(sys.argv[1], os.O_CREAT | os.O_APPEND | os.O_WRONLY)

def log():
    for number in range(10**9):
        entry = flowstone_audit.log("rule.updated", actor_id="ann", actor_type="user", resource_id=str(number))
        os.write(acknowledged, (entry.id + "\\n").encode())

def work():
    for number in range(10**9):
        with flowstone.run("nightly", run_id=f"{os.getpid()}-{number}"):
            with flowstone.materialization("orders"):
                pass
        time.sleep(0.002)

threading.Thread(target=log, daemon=True).start()
threading.Thread(target=work, daemon=True).start()
gate = flowstone.checkpoint("publish").request()
try:
    gate.approve(actor="ann")
    os.write(acknowledged, b"verdict " + gate._told.encode() + b"\\n")
except flowstone.CheckpointNotRecorded:
    pass  # a busy machine: it may be kept all the same, which nobody was promised
log()
"""


def murder(folder: Path, processes: int, kills: int, seed: int) -> list[str]:
    """Run writers, kill one at a random instant and start another, so many times; return what was acknowledged."""
    chance = random.Random(seed)
    script = folder / "write.py"
    script.write_text(WRITE)

    def start(number: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, str(script), str(folder / f"acknowledged-{number}")])

    running = [start(number) for number in range(processes)]
    at_work = [folder / f"acknowledged-{number}" for number in range(processes)]
    assert until(lambda: all(path.exists() and path.stat().st_size for path in at_work), 60.0)
    for number in range(kills):
        time.sleep(chance.random() * 0.7)
        victim = chance.randrange(processes)
        running[victim].send_signal(signal.SIGKILL)
        running[victim].wait()
        running[victim] = start(processes + number)
    time.sleep(1.0)
    for one in running:
        one.kill()
        one.wait()
    lines = [
        line for path in folder.glob("acknowledged-*") for line in path.read_text().splitlines(keepends=True)
    ]
    return [line.split()[-1] for line in lines if line.endswith("\n") and line.split()]


def check(audit_log: Log, acknowledged: list[str]) -> None:
    assert acknowledged
    rows = audit_log.rows()
    ids = [row["id"] for row in rows]
    assert set() == set(acknowledged) - set(ids), "acknowledged, and lost"
    assert len(ids) == len(set(ids)), "doubled"
    assert not any(row["event_type"] == "audit.gap" for row in rows)
    latest: dict[str, object] = defaultdict(lambda: None)
    for row in sorted(rows, key=lambda row: (row["writer"], row["ordinal"])):
        before = latest[row["writer"]]
        assert before is None or before <= row["occurred_at"]
        latest[row["writer"]] = row["occurred_at"]


def test_a_few_kills_lose_nothing(audit_log: Log, tmp_path: Path) -> None:
    """Of writers killed at random instants no acknowledged entry is lost and none is doubled."""
    check(audit_log, murder(tmp_path, processes=2, kills=5, seed=4))


@pytest.mark.matrix
def test_many_kills_lose_nothing(audit_log: Log, tmp_path: Path) -> None:
    """The same with 8 writers and 200 kills."""
    check(audit_log, murder(tmp_path, processes=8, kills=200, seed=44))
