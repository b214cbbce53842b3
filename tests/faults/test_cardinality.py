"""Many names: memory and cardinality stay bounded."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys, flowstone

LAST = int(sys.argv[1])

def grown():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024  # MiB on Linux

def emit(first, last):
    with flowstone.run("p"):
        for n in range(first, last):
            with flowstone.materialization(f"asset-{n}-" + "x" * 40):
                pass
            if n % 5000 == 0:
                flowstone.flush(30)

emit(0, 5_000)
before = grown()
emit(5_000, LAST)
flowstone.flush(30)
duration = next(m for m in flowstone.telemetry.metrics() if m.name == "flowstone.materialization.duration")
counts = sum(point.count for point in duration.points)
print(len(duration.points), counts, grown() - before)
"""


@pytest.mark.parametrize("assets", [8_000, pytest.param(100_000, marks=pytest.mark.matrix)])
def test_many_assets_keep_memory_and_series_bounded(assets: int) -> None:
    """Series stop at the limit, the rest is summed under the overflow mark, and memory does not follow the names."""
    env = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "FLOWSTONE_STORE_URL": "off"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(assets)],
        capture_output=True,
        text=True,
        env=env,
        timeout=120,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    series, counted, mebibytes = (int(part) for part in done.stdout.split())
    assert series <= 2001
    assert assets == counted
    assert mebibytes < 60
