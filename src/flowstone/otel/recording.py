"""From events to cells: the instruments, compiled once for each event class."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, replace
from operator import attrgetter
from time import time_ns

from flowstone.catalogue.event import Event
from flowstone.otel.cells import (
    CARDINALITY_LIMIT,
    Cells,
    HistogramCells,
    Key,
    NumberCells,
    OpenCells,
    cells_of,
)
from flowstone.otel.instruments import INSTRUMENTS, Instrument
from flowstone.otel.spans import FAILED
from flowstone.runtime.export.config import Exemplars
from flowstone.runtime.export.data import Metric

Recorder = Callable[[Event], None]
Labels = Callable[[Event], Key]


class Metrics:
    """The metrics of one process; a forked child makes its own and starts from zero."""

    def __init__(
        self, instruments: Iterable[Instrument] = INSTRUMENTS, exemplars: Exemplars = "always_off"
    ) -> None:
        now = time_ns()
        self._lock = threading.Lock()
        self._recorders: dict[type[Event], list[Recorder]] = {}
        self.cells: dict[str, Cells] = {own.name: cells_of(own, now) for own in instruments}
        for cells in self.cells.values():
            own = cells.instrument
            for cls in own.opened_by:
                self._recorders.setdefault(cls, []).append(_opening(cls, cells))
            for cls in own.events:
                self._recorders.setdefault(cls, []).append(_recorder(cls, cells, exemplars))

    def record(self, batch: Sequence[Event]) -> None:
        """Count a batch of events."""
        find = self._recorders.get
        with self._lock:
            for event in batch:
                for record in find(type(event), ()):
                    record(event)

    def put(self, name: str, key: Key, value: float) -> None:
        """Set a series of the metric *name* that no event moves, such as the exporters' own losses."""
        cells = self.cells[name]
        if isinstance(cells, NumberCells):
            with self._lock:
                cells.put(key, value)

    def read(self, renew: bool = False) -> list[Metric]:
        """Return all metrics that have a series; *renew* where they are read to be exported."""
        now = time_ns()
        with self._lock:
            metrics = [cells.read(now, renew) for cells in self.cells.values()]
        return [metric for metric in metrics if metric.points]

    def blank(self) -> list[Metric]:
        """Return all metrics without their points."""
        return [replace(cells.read(0), points=()) for cells in self.cells.values()]


def _labels(cls: type[Event], instrument: Instrument) -> Labels:
    """Return what reads the values of the attributes from an event; empty where there are none."""
    present = {own.name for own in fields(cls)}
    getters: list[Callable[[Event], str]] = []
    for label in instrument.labels:
        if label.of_event is not None:
            getters.append(_constant(label.of_event(cls)))
        elif label.field == "error.type":
            getters.append(_error_type if "error" in present or "status" in present else _nothing)
        else:
            getters.append(attrgetter(label.field) if label.field in present else _nothing)
    slow = _each(getters)
    plain = {label.field for label in instrument.labels} & present
    if "error" in present and any(label.field == "error.type" for label in instrument.labels):
        return slow
    return _memorised(sorted(plain | ({"status"} & present)), slow)


def _each(getters: list[Callable[[Event], str]]) -> Labels:
    return lambda event: tuple([get(event) for get in getters])


def _memorised(needed: list[str], slow: Labels) -> Labels:
    """Return what looks the key up by the fields it is made of, all read in one call."""
    if len(needed) < 2:
        return slow
    read = attrgetter(*needed)
    known: dict[object, Key] = {}

    def fast(event: Event) -> Key:
        raw = read(event)
        key = known.get(raw)
        if key is None:
            if len(known) >= 2 * CARDINALITY_LIMIT:
                known.clear()
            key = known[raw] = slow(event)
        return key

    return fast


def _constant(value: str) -> Callable[[Event], str]:
    return lambda event: value


def _nothing(event: Event) -> str:
    return ""


def _error_type(event: Event) -> str:
    """Return the error's type, empty on success, and for cancellations: those are no errors."""
    status = getattr(event, "status", "")
    if status not in FAILED:
        return ""
    error = getattr(event, "error", None)
    return error.type if error is not None else "_OTHER"


def _opening(cls: type[Event], cells: Cells) -> Recorder:
    assert isinstance(cells, OpenCells)
    labels, identity, begin = (
        _labels(cls, cells.instrument),
        attrgetter(cells.instrument.identity),
        cells.begin,
    )
    return lambda event: begin(identity(event), labels(event))


def _recorder(cls: type[Event], cells: Cells, exemplars: Exemplars) -> Recorder:
    own = cells.instrument
    if isinstance(cells, OpenCells):
        identity, end = attrgetter(own.identity), cells.end
        return lambda event: end(identity(event))
    labels = _labels(cls, own)
    if own.states:
        return _stateful(cells, labels, own.states)
    value = attrgetter(own.value) if own.value else None
    if isinstance(cells, HistogramCells) and exemplars != "always_off":
        return _exemplified(cells, labels, own, always=exemplars == "always_on")
    apply = _operation(cells)
    per, only = own.per, own.only

    def record(event: Event) -> None:
        measured = value(event) if value else 1
        if measured is None or (only and event.status not in only):  # type: ignore[attr-defined]
            return
        apply(labels(event), measured if per == 1 else measured / per)

    return record


def _exemplified(cells: HistogramCells, labels: Labels, own: Instrument, always: bool) -> Recorder:
    """Return what records a measurement together with the span it was made in."""
    value, per, record = attrgetter(own.value), own.per, cells.record

    def recorder(event: Event) -> None:
        measured = value(event)
        if measured is None:
            return
        measured /= per
        if always or event.sampled:
            record(labels(event), measured, (measured, event.time, event.trace_id, event.span_id))
        else:
            record(labels(event), measured)

    return recorder


def _operation(cells: Cells) -> Callable[[Key, float], None]:
    if isinstance(cells, HistogramCells):
        return cells.record
    assert isinstance(cells, NumberCells)
    return cells.put if cells.instrument.kind == "gauge" else cells.add


def _stateful(cells: Cells, labels: Labels, states: tuple[str, ...]) -> Recorder:
    """Return what sets one series per state; the state is the last label."""
    assert isinstance(cells, NumberCells)
    put = cells.put

    def record(event: Event) -> None:
        *rest, present = labels(event)
        for state in states:
            put((*rest, state), int(state == present))

    return record
