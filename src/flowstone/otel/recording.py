"""From events to cells: the instruments, compiled once for each event class."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from time import time_ns

from flowstone.catalogue.event import Event
from flowstone.otel.cells import (
    Cells,
    Key,
    NumberCells,
    cells_of,
)
from flowstone.otel.instruments import INSTRUMENTS, Instrument
from flowstone.otel.recorders import Recorder, recorder
from flowstone.runtime.export.config import Exemplars
from flowstone.runtime.export.data import Metric
from flowstone.runtime.stats import count


class Metrics:
    """The metrics of one process; a forked child makes its own and starts from zero."""

    def __init__(
        self, instruments: Iterable[Instrument] = INSTRUMENTS, exemplars: Exemplars = "always_off"
    ) -> None:
        now = time_ns()
        self._lock = threading.Lock()
        self.cells: dict[str, Cells] = {own.name: cells_of(own, now) for own in instruments}
        self._exemplars: Exemplars = exemplars
        self._recorders: dict[type[Event], Recorder] = {}

    def record(self, batch: Sequence[Event]) -> None:
        """Count a batch of events."""
        find = self._recorders.get
        with self._lock:
            for event in batch:
                cls = type(event)
                record = find(cls) or self._recorder(cls)
                try:
                    record(event)
                except Exception:  # the others of the batch are still to be counted
                    count(f"event.dropped.{event.name}")

    def _recorder(self, cls: type[Event]) -> Recorder:
        """Compile what records events of *cls*, when the first one comes."""
        every = self.cells.values()
        made = self._recorders[cls] = recorder(
            cls,
            opened=[one for one in every if cls in one.instrument.opened_by],
            moved=[one for one in every if cls in one.instrument.events],
            exemplars=self._exemplars,
        )
        return made

    def put(self, name: str, key: Key, value: float) -> None:
        """Set a series of the metric *name* that no event moves, such as the exporters' own losses.

        What was registered after these metrics were made has no cells, and is left out.
        """
        cells = self.cells.get(name)
        if isinstance(cells, NumberCells):
            with self._lock:
                cells.put(key, value)

    def read(self, renew: bool = False) -> list[Metric]:
        """Return all metrics that have a series; *renew* where they are read to be exported."""
        now = time_ns()
        with self._lock:
            return [cells.read(now, renew) for cells in self.cells.values() if not cells.empty]

    def blank(self) -> list[Metric]:
        """Return all metrics without their points."""
        return [replace(cells.read(0), points=()) for cells in self.cells.values()]
