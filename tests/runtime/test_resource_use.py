"""CPU time and peak memory of runs and materializations."""

from __future__ import annotations

import asyncio
import sys
import threading
from contextlib import suppress
from pathlib import Path
from time import process_time_ns, sleep
from typing import Any

import pytest

import flowstone
from flowstone import hosting
from flowstone.testing import Capture

MILLISECOND = 1_000_000


def work(milliseconds: int) -> None:
    """Use CPU."""
    until = process_time_ns() + milliseconds * MILLISECOND
    while process_time_ns() < until:
        pass


def test_cpu_time_is_what_the_thread_worked(flowstone_capture: Capture) -> None:
    """Working counts, waiting does not; a failure tells it too."""
    with flowstone.run("p"):
        with flowstone.materialization("busy"):
            work(30)
        with suppress(ValueError), flowstone.materialization("idle"):
            sleep(0.05)
            raise ValueError("no")
    busy: Any = flowstone_capture.one("materialization.stop")
    idle: Any = flowstone_capture.one("materialization.exception")
    run: Any = flowstone_capture.one("run.stop")
    assert 20 * MILLISECOND <= busy.cpu_time <= busy.duration + 5 * MILLISECOND
    assert 0 <= idle.cpu_time < 25 * MILLISECOND < idle.duration
    assert busy.cpu_time + idle.cpu_time <= run.cpu_time


def test_what_a_host_begins_and_finishes_is_measured(flowstone_capture: Capture) -> None:
    """Legs in one thread have their CPU time; an end alone has none."""
    scope = hosting.scope("dagster", "r1")
    op = hosting.Materialization("a", scope=scope, span_id=7).begin()
    work(20)
    op.finish()
    hosting.Materialization("b", scope=scope, span_id=8).finish()
    one, other = (event.cpu_time for event in flowstone_capture.of("materialization.stop"))  # type: ignore[attr-defined]
    assert one >= 10 * MILLISECOND
    assert other is None


def test_an_end_in_another_thread_has_no_cpu_time(flowstone_capture: Capture) -> None:
    """Two threads' clocks have nothing to do with each other."""
    op = hosting.Materialization("a", scope=hosting.scope("dagster", "r1"), span_id=7).begin()
    sleep(0.002)
    thread = threading.Thread(target=op.finish)
    thread.start()
    thread.join()
    told: Any = flowstone_capture.one("materialization.stop")
    assert told.cpu_time is None


def test_coroutines_have_no_cpu_time(flowstone_capture: Capture) -> None:
    """Their thread works for others while they wait."""

    @flowstone.materialization("a")
    async def produce() -> None:
        await asyncio.sleep(0.002)

    asyncio.run(produce())
    told: Any = flowstone_capture.one("materialization.stop")
    assert told.cpu_time is None


def test_what_is_too_short_is_not_measured(flowstone_capture: Capture) -> None:
    """Below a millisecond, measuring would cost more than it tells."""
    with flowstone.materialization("a"):
        pass
    told: Any = flowstone_capture.one("materialization.stop")
    assert told.duration >= MILLISECOND or (None, None) == (told.cpu_time, told.peak_rss)


def test_loads_and_stores_are_not_measured(flowstone_capture: Capture) -> None:
    """They wait for others; two clocks would cost more than they tell."""
    with flowstone.io_load("a"):
        sleep(0.002)
    told: Any = flowstone_capture.one("io.load.stop")
    assert (None, None) == (told.cpu_time, told.peak_rss)


@pytest.mark.skipif(sys.platform != "linux", reason="compares with /proc")
def test_the_peak_of_memory_is_the_processs(flowstone_capture: Capture) -> None:
    """As the kernel tells it, in bytes."""
    with flowstone.materialization("a"):
        sleep(0.002)
    told: Any = flowstone_capture.one("materialization.stop")
    status = Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0]) * 1024
    assert 0.5 * peak < told.peak_rss <= peak
