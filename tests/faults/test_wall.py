"""What plugins do wrong stays with them (laws 1 and 6)."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import flowstone
from flowstone.plugin import Event, hookimpl
from flowstone.testing import Capture
from flowstone.testing.capture import capture

Fault = Literal["none", "raise", "exit", "generator", "base"]


class Odd(BaseException):
    """An exception that is no Exception."""


class Faulty:
    """Does wrong in every hook, in its own way; notes what it heard before."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.heard: list[str] = []

    def _err(self) -> None:
        match self.fault:
            case "raise":
                raise RuntimeError("plugin")
            case "exit":
                raise SystemExit(1)
            case "generator":
                raise GeneratorExit
            case "base":
                raise Odd

    @hookimpl
    def on_events(self, batch: Sequence[Event]) -> None:
        self.heard.extend(event.name for event in batch if not event.name.startswith("plugin."))
        self._err()

    @hookimpl
    def on_materialization_start(self, event: Event) -> None:
        self._err()

    @hookimpl
    def flush(self, timeout: float) -> bool:
        self._err()
        return True


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["none", "raise", "exit", "generator", "base"]), max_size=5))
def test_any_subset_of_faulty_plugins_changes_nothing_for_the_others(faults: list[Fault]) -> None:
    """The host's value and exception, and what good plugins hear, are the same whoever fails beside them."""
    listeners = [Faulty(fault) for fault in faults]
    with capture() as captured:
        for n, listener in enumerate(listeners):
            captured.engine.plugins.register(listener, f"p{n}")
        with flowstone.run("p"):
            with flowstone.materialization("a"):
                value = 42
            with pytest.raises(KeyError), flowstone.materialization("b"):
                raise KeyError("b")
        heard = [name for name in captured.names() if not name.startswith("plugin.")]
    assert 42 == value
    assert 6 == len(heard)
    for listener in listeners:
        if listener.fault == "none":
            assert heard == listener.heard


def test_failing_on_repetition_is_quarantined_and_told(flowstone_capture: Capture) -> None:
    """A plugin that fails again and again is no longer called; that is an event."""
    bad = Faulty("raise")
    flowstone_capture.engine.plugins.register(bad, "bad")
    for _ in range(10):
        flowstone.sensor_poll("s")
        flowstone.flush(1.0)
    quarantined: Any = flowstone_capture.one("plugin.quarantined")
    assert "bad" == quarantined.plugin
    assert len(bad.heard) < 10
    infos = {info.name: info.state for info in flowstone_capture.engine.plugins.infos()}
    assert "quarantined" == infos["bad"]


def test_a_hung_batch_hook_is_left_behind(flowstone_capture: Capture) -> None:
    """While one plugin hangs, the others get everything within about a second."""
    release = threading.Event()
    heard: list[str] = []

    class Hung:
        @hookimpl(tryfirst=True)
        def on_events(self, batch: Sequence[Event]) -> None:
            release.wait(20)

    class Good:
        @hookimpl(trylast=True)
        def on_events(self, batch: Sequence[Event]) -> None:
            heard.extend(getattr(event, "sensor", "") for event in batch)

    flowstone_capture.engine.plugins.register(Hung(), "hung")
    flowstone_capture.engine.plugins.register(Good(), "good")
    flowstone.sensor_poll("first")
    deadline = time.monotonic() + 5
    while "first" not in heard and time.monotonic() < deadline:
        time.sleep(0.02)
    flowstone.sensor_poll("second")
    flowstone.flush(2.0)
    release.set()
    time.sleep(0.1)
    assert ["first", "second"] == [name for name in heard if name]
    assert "hung" == flowstone_capture.one("plugin.quarantined").plugin  # type: ignore[attr-defined]


def test_flush_is_bounded_by_its_timeout(flowstone_capture: Capture) -> None:
    """A plugin that hangs in flush does not hold up whoever flushes."""
    release = threading.Event()

    class Hung:
        @hookimpl
        def flush(self, timeout: float) -> bool:
            return release.wait(30)

    flowstone_capture.engine.plugins.register(Hung(), "hung")
    began = time.monotonic()
    assert not flowstone.flush(timeout=0.3)
    assert time.monotonic() - began < 3
    release.set()


def test_a_slow_listener_on_the_caller_is_quarantined(flowstone_capture: Capture) -> None:
    """Whoever takes too long on the caller is found out, told, and no longer called; the others stay."""
    heard: list[str] = []

    class Slow:
        @hookimpl
        def on_materialization_start(self, event: Event) -> None:
            time.sleep(0.02)

    class Quick:
        @hookimpl
        def on_materialization_start(self, event: Event) -> None:
            heard.append(event.name)

    flowstone_capture.engine.plugins.register(Slow(), "slow")
    flowstone_capture.engine.plugins.register(Quick(), "quick")
    for _ in range(10):
        with flowstone.materialization("a"):
            pass
    assert "slow" == flowstone_capture.one("plugin.quarantined").plugin  # type: ignore[attr-defined]
    assert 10 == len(heard)
