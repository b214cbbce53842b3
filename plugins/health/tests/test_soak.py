"""Two minutes of probes and changing checks, without growth."""

from __future__ import annotations

import gc
import os
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from flowstone.plugin import HealthCheck, ResourceHealthCheck
from flowstone_health.board import Board
from flowstone_health.resources import Resources
from flowstone_health.server import Server
from tests.servers.ports import free_port

MakeBoard = Callable[..., Board]
SECONDS = 120.0


def _used() -> tuple[int, int, int]:
    """Return threads, open files and resident bytes."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return (
        threading.active_count(),
        len(list(Path("/proc/self/fd").iterdir())),
        pages * os.sysconf("SC_PAGE_SIZE"),
    )


@pytest.mark.matrix
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
def test_nothing_grows(board: MakeBoard) -> None:
    """Two minutes of probes over new connections, checks that flap, raise and hang: no thread, file or memory more."""
    chance, resources = random.Random(7), Resources(1.0)

    def raises() -> bool:
        raise OSError("down")

    def hangs() -> bool:
        time.sleep(0.4)
        return True

    checks = [
        HealthCheck(name="flaps", look=lambda: chance.random() < 0.5, interval=0.05, component="database"),
        HealthCheck(name="raises", look=raises, interval=0.05),
        HealthCheck(name="hangs", look=hangs, interval=0.05, timeout=0.1),
    ]
    one = board(*checks, resources=resources)
    with Server("127.0.0.1", free_port(), lambda: one) as server:
        base = f"http://127.0.0.1:{server.port}"
        began, before, asked = time.monotonic(), None, 0
        while (now := time.monotonic() - began) < SECONDS:
            resources.feed([ResourceHealthCheck(resource=f"r{asked}", status="unhealthy")])
            for path in ("/health", "/readyz?verbose", "/livez", "/nothing"):
                assert httpx.get(base + path, trust_env=False).status_code in (200, 404, 503)
            asked += 1
            if before is None and now > SECONDS / 4:
                before = _used()
            time.sleep(0.02)
        after = _used()
    assert before is not None
    assert after[0] <= before[0] + 2
    assert after[1] <= before[1] + 2
    assert after[2] <= before[2] + (16 << 20)
