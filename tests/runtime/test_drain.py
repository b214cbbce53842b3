"""The queue, its bound, and the flush points (laws 1 to 3)."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest

import flowstone
from flowstone.plugin import Event, hookimpl
from flowstone.runtime import drain, hold, lane
from flowstone.runtime.operation import Operation
from flowstone.testing import Capture


def test_a_start_is_delivered_soon(flowstone_capture: Capture) -> None:
    """A start does not wait for its end."""
    arrived = threading.Event()

    class Listener:
        @hookimpl
        def on_events(self, batch: Sequence[Event]) -> None:
            if any(event.name == "materialization.start" for event in batch):
                arrived.set()

    flowstone_capture.engine.plugins.register(Listener(), "l")
    with flowstone.materialization("a"):
        assert arrived.wait(2)


def test_overflow_drops_the_oldest_and_counts_them(flowstone_capture: Capture) -> None:
    """More than the bound never waits; every lost event is counted under its name and told."""
    held = flowstone_capture.engine.drain.gate
    held.acquire()  # as if the drain could not keep up
    try:
        extra = 500
        for _ in range(lane.BOUND // 2 + extra):
            with flowstone.materialization("a"):
                pass
        assert len(lane.records) <= lane.BOUND + 2
    finally:
        held.release()
    for _ in range(2):  # telling what was lost may itself cost a place
        flowstone.flush(10.0)
    events = flowstone_capture.events
    seen = sum(event.name.startswith("materialization.") for event in events)
    lost: dict[str, int] = {}
    for event in events:
        if event.name == "event.dropped":
            lost[event.event] = lost.get(event.event, 0) + event.count  # type: ignore[attr-defined]
    assert lane.BOUND + 2 * extra == seen + sum(lost.values())
    assert {"materialization.start", "materialization.stop"} == set(lost)


def test_the_end_of_the_outermost_run_drains(flowstone_capture: Capture) -> None:
    """After a run the local plugins have everything, without a flush."""
    with flowstone.run("p"), flowstone.materialization("a"):
        pass
    assert 4 == len(flowstone_capture._events)


def test_emission_never_waits_for_a_slow_plugin(flowstone_capture: Capture) -> None:
    """A plugin that takes its time does not take the caller's."""

    class Slow:
        @hookimpl
        def on_events(self, batch: Sequence[Event]) -> None:
            time.sleep(0.2)

    flowstone_capture.engine.plugins.register(Slow(), "slow")
    began = time.monotonic()
    for _ in range(200):
        with flowstone.materialization("a"):
            pass
    assert time.monotonic() - began < 1.0


def test_the_deferred_path_is_on_where_nobody_must_hear_at_once(flowstone_capture: Capture) -> None:
    """Synchronous hooks switch the attended path on, and off again when they go."""
    deferred = Operation.__enter__
    heard: list[str] = []

    class Sync:
        @hookimpl
        def on_materialization_start(self, event: Event) -> None:
            heard.append(event.asset)  # type: ignore[attr-defined]

        @hookimpl
        def on_materialization_stop(self, event: Event) -> None:
            heard.append(event.status)  # type: ignore[attr-defined]

    plugins = flowstone_capture.engine.plugins
    plugins.register(Sync(), "sync")
    assert Operation.__enter__ is not deferred
    with flowstone.materialization("a"):
        assert ["a"] == heard
    assert ["a", "success"] == heard
    plugins.unregister("sync")
    assert Operation.__enter__ is deferred
    assert ["materialization.start", "materialization.stop"] == flowstone_capture.names()


def test_an_operation_ends_once(flowstone_capture: Capture) -> None:
    """Ending the span by hand, then leaving the block, is one end."""
    with flowstone.materialization("a") as m:
        m.end()
        m.set_attribute("late", 1)
    stop: Any = flowstone_capture.one("materialization.stop")
    assert "late" not in stop.attributes


def test_switched_off_nothing_is_emitted(flowstone_capture: Capture, monkeypatch: Any) -> None:
    """FLOWSTONE_ENABLED=0 leaves the code as it is, and tells nothing."""
    from flowstone.runtime.attention import attention

    monkeypatch.setattr(attention, "enabled", False)
    with flowstone.run("p") as run, flowstone.materialization("a"):
        assert "" == run.trace_id
    flowstone.sensor_poll("s")
    flowstone.checkpoint("c").request().approve()
    assert [] == flowstone_capture.events


def test_the_drain_lets_go_in_time(flowstone_capture: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the time of a hold nothing further is begun, not even the next plugin; before it nothing is held up."""
    own = flowstone_capture.engine.drain
    told: list[str] = []

    class Listener:
        def __init__(self, name: str) -> None:
            self.name = name

        @hookimpl
        def on_events(self, batch: Sequence[Event]) -> None:
            told.append(self.name)

    for name in "ab":
        flowstone_capture.engine.plugins.register(Listener(name), name)
    flowstone.flush(5.0)
    while lane.state.limit:
        time.sleep(0.01)
    monkeypatch.setattr(own.hold, "let_go", lambda: told.append("pause"))

    def seen(number: int) -> list[str]:
        """Return what happened to *number* records, in a round on this thread."""
        lane.state.limit = lane.BOUND  # nobody rings: the drain sleeps on
        for _ in range(number):
            flowstone.sensor_poll("s")
        told.clear()
        own._round(own._generation)
        return list(told)

    chunks = -(-2000 // drain.CHUNK)
    monkeypatch.setattr(hold, "LONGEST_S", 60.0)
    assert chunks == seen(2000).count("a") == seen(2000).count("b")
    assert "pause" not in told
    monkeypatch.setattr(hold, "LONGEST_S", 0.0)
    held = seen(2000)
    assert held.count("pause") > 2 * chunks == 2 * held.count("a")
    assert ("a", "b") not in set(pairwise(held))
    own._hurry.set()
    assert "pause" not in seen(500)


def test_a_busy_process_does_not_ring(flowstone_capture: Capture) -> None:
    """Where one record follows the other, the drain comes by itself; after a pause the first one rings."""
    own = flowstone_capture.engine.drain
    rung: list[float] = []

    def bell() -> None:
        rung.append(time.monotonic())
        own.ring()

    lane.state.bell = bell
    ended = time.monotonic() + 5 * drain.PERIOD_S
    while time.monotonic() < ended:
        for _ in range(2 * drain.BUSY):
            flowstone.sensor_poll("s")
        time.sleep(0.005)
    assert 1 >= len(rung)
    time.sleep(4 * drain.PERIOD_S)
    assert 0 == lane.state.limit
    flowstone.sensor_poll("s")
    assert 2 >= len(rung) >= 1
