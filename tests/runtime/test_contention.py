"""Budgets beside code that keeps the interpreter busy."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Iterator, Sequence

import pytest

import flowstone
from flowstone.dispatch import contention
from flowstone.plugin import Event, hookimpl
from flowstone.testing import Capture


@pytest.fixture
def busy() -> Iterator[None]:
    """Let a thread keep the interpreter busy."""
    done = threading.Event()

    def spin() -> None:
        while not done.is_set():
            pass

    thread = threading.Thread(target=spin)
    thread.start()
    yield
    done.set()
    thread.join()


class Stepping:
    """Lets go of the interpreter as often as a database would."""

    calls = 0

    @hookimpl
    def on_events(self, batch: Sequence[Event]) -> None:
        """Take a second of steps that are nothing but waiting for the interpreter."""
        until = time.monotonic() + 1.0
        while time.monotonic() < until:
            time.sleep(0)
        self.calls += 1


@pytest.mark.usefixtures("busy")
def test_waiting_for_the_interpreter_is_not_held_against_a_plugin(flowstone_capture: Capture) -> None:
    """A plugin that takes a second because somebody else computes is neither hung nor failing."""
    plugin, engine = Stepping(), flowstone_capture.engine
    engine.plugins.register(plugin, "stepping")
    with flowstone.materialization("a"):
        pass
    assert flowstone.flush(20.0)
    assert plugin.calls
    conduct = engine.wall.conduct("stepping")
    assert (0, "") == (conduct.failures, conduct.quarantined)


def test_a_plugin_may_wait_for_c_code(flowstone_capture: Capture) -> None:
    """Beside C code that holds the interpreter for long a few steps outlast every budget, and are forgiven."""
    held = ctypes.PyDLL(None).usleep  # as a library that does not let go of the interpreter meanwhile
    engine, told = flowstone_capture.engine, threading.Event()

    class Steps:
        took = 0.0

        @hookimpl
        def on_events(self, batch: Sequence[Event]) -> None:
            began = time.monotonic()
            for _ in range(8):
                time.sleep(0.001)
            self.took = time.monotonic() - began
            told.set()

    plugin = Steps()
    engine.plugins.register(plugin, "steps")
    with flowstone.materialization("a"):
        pass
    while not told.is_set():
        held(300_000)
    assert plugin.took > 1.5
    assert flowstone.flush(20.0)
    conduct = engine.wall.conduct("steps")
    assert (0, "", "") == (conduct.failures, conduct.quarantined, conduct.last)


@pytest.mark.usefixtures("busy")
def test_a_plugin_that_hangs_is_found_all_the_same(
    flowstone_capture: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Patience has an end: what never returns is left behind, and the others go on."""
    monkeypatch.setattr(contention, "PATIENCE", 2)
    free = threading.Event()

    class Hanging:
        @hookimpl
        def on_events(self, batch: Sequence[Event]) -> None:
            free.wait(30.0)

    engine = flowstone_capture.engine
    engine.plugins.register(Hanging(), "hanging")
    began = time.monotonic()
    with flowstone.materialization("a"):
        pass
    while not (quarantined := engine.wall.conduct("hanging").quarantined) and time.monotonic() < began + 20:
        time.sleep(0.01)
    took = time.monotonic() - began
    free.set()
    assert "on_events hung" == quarantined
    assert took > 0.9
    assert flowstone.flush(20.0)
    assert ["materialization.start", "materialization.stop"] == flowstone_capture.names()[:2]
