"""Capturing what is emitted, in an engine of its own, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import orjson

from flowstone.catalogue.event import Event
from flowstone.face.log_lines import line_of
from flowstone.otel import names
from flowstone.otel.spans import Spans
from flowstone.runtime import engine, lane
from flowstone.runtime.control import Control
from flowstone.runtime.engine import Engine
from flowstone.runtime.export.data import SpanData
from flowstone.testing.measured import Measured, measured
from flowstone.testing.plugin import Keeper

_WAIT_S = 5.0
_REST_S = 2.0


class Capture:
    """The events of a block of code, in order, and the telemetry that they become.

    Spans, metrics and log lines are made by the same code that makes what is exported, but as
    plain data, and nothing is sent anywhere.

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

    @property
    def spans(self) -> list[SpanData]:
        """The spans that ended so far and are sampled, in the order of their ends.

        They lack the peak of the memory: it is the process's, and no test can know it.
        """
        make = Spans().of
        return [
            _predictable(span) for event in self.events if event.sampled and (span := make(event)) is not None
        ]

    @property
    def metrics(self) -> list[Measured]:
        """The series of all metrics that moved so far, as they stand."""
        return measured(self.events)

    @property
    def logs(self) -> list[dict[str, Any]]:
        """The JSON log lines of all events so far, parsed."""
        return [orjson.loads(line_of(event)) for event in self.events]

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

    def span(self, name: str) -> SpanData:
        """Return the only span called *name*.

        Raises:
            AssertionError: There is none, or more than one.
        """
        spans = self.spans
        found = [span for span in spans if span.name == name]
        if len(found) != 1:
            others = [span.name for span in spans]
            raise AssertionError(f"expected one span {name!r}, found {len(found)} among {others}")
        return found[0]

    def metric(self, name: str) -> list[Measured]:
        """Return the series of the metric called *name*."""
        return [series for series in self.metrics if series.name == name]


def _predictable(span: SpanData) -> SpanData:
    kept = {key: value for key, value in span.attributes.items() if key != names.MEMORY_PEAK}
    return span._replace(attributes=kept)


@contextmanager
def capture(*plugins: object) -> Iterator[Capture]:
    """Have an engine with no installed plugins, only *plugins*, and keep what it delivers."""
    with at_rest(engine.peek()):
        lane.records.clear()
        yield from _captured(plugins)


@contextmanager
def at_rest(around: Engine | None) -> Iterator[None]:
    """Keep the drain of the engine around from taking what is captured, once it has what came before."""
    if around is None:
        yield
        return
    if lane.records:
        around.drain.reach(Control(), _REST_S)
    rests = around.drain.gate.acquire(timeout=_REST_S)
    try:
        yield
    finally:
        if rests:
            around.drain.gate.release()


def _captured(plugins: Sequence[object]) -> Iterator[Capture]:
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
        lane.records.clear()  # what came too late is no business of the engine around
        engine.replace(former)
        if former is not None:
            former.changed()
