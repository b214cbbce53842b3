"""The engine's start, with other threads at work already."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import pytest

import flowstone
from flowstone.dispatch.plugins import Plugins
from flowstone.plugin import Event, hookimpl
from flowstone.runtime import engine, lane
from flowstone.runtime.engine import Engine
from flowstone.testing.capture import at_rest


class Listener:
    """Keeps names."""

    def __init__(self) -> None:
        self.names: list[str] = []

    @hookimpl
    def on_events(self, batch: Sequence[Event]) -> None:
        self.names += [one.name for one in batch]


def test_what_is_emitted_while_plugins_are_loaded_reaches_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plugins that take long to import get what other threads emit meanwhile, and all that follows."""
    listener = Listener()
    loading = threading.Event()

    def load(plugins: Plugins) -> None:
        loading.set()
        time.sleep(0.3)
        plugins.register(listener, "listener")

    monkeypatch.setattr(Plugins, "load", load)
    with at_rest(engine.peek()):  # the drain of the engine around could take what is emitted here
        lane.records.clear()
        made = Engine()
        former = engine.replace(made)
        try:
            starting = threading.Thread(target=made.start)
            starting.start()
            assert loading.wait(5)
            with flowstone.run("early"):
                pass
            starting.join()
            with flowstone.run("late"):
                pass
            assert engine.drain(5.0)
        finally:
            made.flush(1.0, "shutdown")
            made.drain.stop()
            engine.replace(former)
            if former is not None:
                former.changed()
    # Whatever else works in the background of this process is told of as well.
    assert ["run.start", "run.stop"] * 2 == [one for one in listener.names if one.startswith("run.")]


def test_a_run_that_is_switched_off_has_the_ids_that_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's own code goes on to use them."""
    monkeypatch.setattr(engine, "ensure", lambda: False)
    with flowstone.run("nightly", run_id="r-1", correlation_id="ticket-7") as run:
        assert ("r-1", "ticket-7", "") == (run.run_id, run.correlation_id, run.trace_id)
