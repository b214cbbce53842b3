"""Broadcasts that come upon a broadcast, as those of signal handlers and destructors do: at any point of it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.servers.ports import free_port

# The profiler calls back on the same thread, at each call and return of Python and C: a handler at every point.
_UPON = """
import os, sys
import flowstone_pubsub as pubsub
from flowstone.plugin import stats
from flowstone_pubsub import current, tally

upon = 0

def come_upon(frame, what, argument):
    global upon
    file = frame.f_code.co_filename
    if "flowstone" in file and "/engines/" not in file and not file.endswith(("current.py", "__init__.py")):
        upon += 1
        pubsub.broadcast("upon", upon)

sys.setprofile(come_upon)
for n in range(int(sys.argv[1])):
    pubsub.broadcast("main", n)
sys.setprofile(None)
"""
_ARRIVED = """
assert pubsub.flush(10)
found = {"main": [], "upon": []}
for item in pubsub.subscribe("*", since="earliest"):
    found[item.topic].append(item.event)
    if len(found["main"]) + len(found["upon"]) == int(sys.argv[1]) + upon:
        break
assert list(range(int(sys.argv[1]))) == sorted(found["main"])
assert list(range(1, upon + 1)) == sorted(found["upon"])
assert upon > 10, upon
"""
_LOST = """
lost = upon + int(sys.argv[1]) - current.bus().outbox.depth
assert lost == tally.total("lost") == stats()["pubsub.lost"], (lost, tally.total("lost"), stats())
os._exit(0)  # what waits is no news
"""


def _run(script: str, url: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        check=False,
        env={"FLOWSTONE_PUBSUB_URL": url},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("count", [1, 3])
def test_a_broadcast_may_come_upon_the_first_one(count: int) -> None:
    """While the bus is being made by the first broadcast, the same thread broadcasts: both arrive, nobody waits."""
    done = _run(_UPON + _ARRIVED, "memory://", count)
    assert (0, "") == (done.returncode, done.stderr)


def test_a_broadcast_may_come_upon_one_that_drops() -> None:
    """While the outbox is full and what it drops is counted, the same: each one that is dropped counts once."""
    done = _run(_UPON + _LOST, f"redis://127.0.0.1:{free_port()}/0", 11_000)
    assert (0, "") == (done.returncode, done.stderr)
