"""A PostgreSQL that stops, or hangs, under load: entries wait in the spool, and nobody waits for them."""

from __future__ import annotations

import os
import signal
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

import flowstone
import flowstone_audit
from flowstone.testing.capture import capture
from flowstone_audit import ingest, migrating, recorder
from flowstone_audit.plugin import AuditPlugin
from plugins.audit.tests.write.log_table import Log
from tests.servers.postgres import Server, running


def family(pid: int) -> list[int]:
    """Return the postmaster and its children."""
    found = [pid]
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(") ")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(path.parent.name))
    return found


def freeze(server: Server) -> Callable[[], None]:
    """Stop the server's processes as they stand; return what lets them go on."""
    assert server.pid is not None
    pids = family(server.pid)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)

    def thaw() -> None:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)

    return thaw


def shut_down(server: Server) -> Callable[[], None]:
    """Stop the server for real."""
    server.stop("immediate")
    return server.start


def latency(count: int) -> float:
    """Return the median seconds that a materialization costs its caller."""
    took = []
    for _ in range(count):
        began = time.perf_counter()
        with flowstone.materialization("orders"):
            pass
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def outage(server: Server, stop: Callable[[Server], Callable[[], None]], seconds: float) -> None:
    """Log before, during and after an outage; all of it arrives, and emission stays as quick as it was."""
    entries = [flowstone_audit.log("rule.updated", actor_id="ann", actor_type="user") for _ in range(5)]
    assert entries[-1].seq is not None
    before = latency(500)
    again = stop(server)
    try:
        deadline = time.monotonic() + seconds
        slowest = 0.0
        during = []
        while time.monotonic() < deadline:
            began = time.monotonic()
            entries.append(flowstone_audit.log("rule.updated", actor_id="ann", actor_type="user"))
            slowest = max(slowest, time.monotonic() - began)
            during.append(latency(100))
            time.sleep(0.1)  # at full speed the spool's budget, of 256 MiB, would be used up in half a minute
    finally:
        again()
    assert slowest < 2.5, "log() waits at most 2 s, and a noisy machine"
    assert None in [entry.seq for entry in entries]
    assert statistics.median(during) < 3 * before + 20e-6
    entries += [flowstone_audit.log("rule.updated", actor_id="ann", actor_type="user") for _ in range(5)]
    keeper = recorder.current()
    flowstone.flush(5.0)
    deadline = time.monotonic() + 40
    while not keeper.chores.is_open and time.monotonic() < deadline:
        time.sleep(0.1)
    assert keeper.chores.is_open, keeper.chores.problem
    ingest.catch_up(300.0)  # a minute of events, on a machine that may be slow
    rows = Log().rows()
    logged = [row["id"] for row in rows if row["event_type"] == "rule.updated"]
    assert sorted(entry.id for entry in entries) == sorted(logged)
    ordinals = [row["ordinal"] for row in rows]
    assert list(range(1, len(ordinals) + 1)) == sorted(ordinals)


@pytest.fixture
def server(home: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    with running() as found:
        url = found.database()
        engine = create_engine(url, poolclass=NullPool)
        migrating.upgrade(engine)
        monkeypatch.setenv("FLOWSTONE_AUDIT_URL", url)
        yield found


@pytest.mark.parametrize("stop", [freeze, shut_down])
def test_a_short_outage_loses_nothing(server: Server, stop: Callable[[Server], Callable[[], None]]) -> None:
    """No entry is lost or doubled, no call waits longer than it may, and emission does not slow down."""
    with capture(AuditPlugin()):
        outage(server, stop, 3.0)


@pytest.mark.matrix
@pytest.mark.parametrize("stop", [freeze, shut_down])
def test_a_minute_of_outage_loses_nothing(
    server: Server, stop: Callable[[Server], Callable[[], None]]
) -> None:
    """The same for 60 seconds."""
    with capture(AuditPlugin()):
        outage(server, stop, 60.0)
