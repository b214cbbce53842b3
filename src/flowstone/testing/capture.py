"""Capturing what is emitted, in an engine of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from flowstone.catalogue.event import Event
from flowstone.runtime import engine, lane
from flowstone.runtime.control import Control
from flowstone.runtime.engine import Engine
from flowstone.testing.plugin import Keeper

_WAIT_S = 5.0


class Capture:
    """The events of a block of code, in order.

    Attributes:
        engine: The engine that stands in for the process-wide one.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._events: list[Event] = []

    @property
    def events(self) -> list[Event]:
        """All events that were emitted so far."""
        known = -1
        while known != len(self._events):  # delivering may make the drain itself tell something
            known = len(self._events)
            self.engine.drain.reach(Control(), _WAIT_S)
        return list(self._events)

    def keep(self, batch: Sequence[Event]) -> None:
        """Take a batch over."""
        self._events.extend(batch)

    def names(self) -> list[str]:
        """Return the names of the events so far."""
        return [event.name for event in self.events]

    def of(self, name: str) -> list[Event]:
        """Return the events called *name*."""
        return [event for event in self.events if event.name == name]

    def one(self, name: str) -> Event:
        """Return the only event called *name*.

        Raises:
            AssertionError: There is none, or more than one.
        """
        found = self.of(name)
        if len(found) != 1:
            raise AssertionError(f"expected one {name}, found {len(found)} among {self.names()}")
        return found[0]


@contextmanager
def capture(*plugins: object) -> Iterator[Capture]:
    """Have an engine with no installed plugins, only *plugins*, and keep what it delivers."""
    lane.records.clear()
    made = Engine(load=False)
    former = engine.replace(made)
    captured = Capture(made)
    made.plugins.register(Keeper(captured.keep), "capture")
    for plugin in plugins:
        made.plugins.register(plugin)
    made.start()
    try:
        yield captured
    finally:
        made.flush(2.0, "shutdown")
        made.drain.stop()
        engine.replace(former)
        if former is not None:
            former.changed()
