"""Where measurements add up: one dict per metric, from the values of its attributes to a cell.

This costs a fortieth of an SDK instrument call, which cleans, copies, sorts and hashes its
attributes each time. Cells are cumulative; what a delta exporter sends is worked out on reading.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from itertools import islice
from typing import Final

from flowstone.catalogue.values import Attributes
from flowstone.otel.instruments import Instrument
from flowstone.otel.names import OVERFLOW
from flowstone.runtime import elsewhere
from flowstone.runtime.export.data import Exemplar, Metric, MetricPoint

Key = tuple[str, ...]
Example = tuple[float, int, str, str]
"""The fields of an ``Exemplar``: value, time, trace id, span id."""

CARDINALITY_LIMIT: Final = 2000  # as the SDK's; further series share one
_OVERFLOW: Final[Key] = ("\0overflow",)
_ASKED_LIMIT: Final = 64  # things under way that others are asked about, each time they are read
_OPEN_LIMIT: Final = 65_536


class Cells:
    """All series of one instrument."""

    def __init__(self, instrument: Instrument, now: int) -> None:
        self.instrument = instrument
        self.start = now
        self._keys = tuple(label.key for label in instrument.labels)
        self._size = 0

    @property
    def empty(self) -> bool:
        """Whether nothing was measured yet."""
        return self._size == 0

    def _admit(self, key: Key) -> Key:
        """Return the key under which a new series is kept: its own while there is room."""
        if self._size >= CARDINALITY_LIMIT - 1:
            return _OVERFLOW
        self._size += 1
        return key

    def _attributes(self, key: Key) -> Attributes:
        if key is _OVERFLOW:
            return {OVERFLOW: True}
        return {name: value for name, value in zip(self._keys, key, strict=True) if value}

    def points(self, now: int, renew: bool = False) -> tuple[MetricPoint, ...]:
        """Return the state of each series; *renew* begins a new interval for recent extremes."""
        raise NotImplementedError

    def read(self, now: int, renew: bool = False) -> Metric:
        """Return the metric as it stands at *now*."""
        own = self.instrument
        return Metric(
            name=own.name,
            kind=own.kind,
            unit=own.unit,
            description=own.description,
            buckets=own.buckets,
            points=self.points(now, renew),
        )


class NumberCells(Cells):
    """Series that are one number: counters, gauges and states."""

    def __init__(self, instrument: Instrument, now: int) -> None:
        super().__init__(instrument, now)
        self._cells: dict[Key, float] = {}

    def add(self, key: Key, value: float) -> None:
        """Add *value* to a series."""
        if key not in self._cells:
            key = self._admit(key)
        self._cells[key] = self._cells.get(key, 0) + value

    def put(self, key: Key, value: float) -> None:
        """Set a series to *value*."""
        if key not in self._cells:
            key = self._admit(key)
        self._cells[key] = value

    def points(self, now: int, renew: bool = False) -> tuple[MetricPoint, ...]:
        """Return the state of each series; *renew* begins a new interval for recent extremes."""
        return tuple(
            MetricPoint(attributes=self._attributes(key), start=self.start, time=now, value=value)
            for key, value in self._cells.items()
        )


class OpenCells(NumberCells):
    """How many things are under way, counted by their ids: an end without a begin changes nothing."""

    def __init__(self, instrument: Instrument, now: int) -> None:
        super().__init__(instrument, now)
        self._open: dict[str, Key] = {}

    def begin(self, identity: str, key: Key) -> None:
        """Count the thing in; its second begin does not count."""
        if identity not in self._open and len(self._open) < _OPEN_LIMIT:
            self._open[identity] = key
            self.add(key, 1)

    def end(self, identity: str) -> None:
        """Count the thing out, if it was counted in."""
        key = self._open.pop(identity, None)
        if key is not None:
            self.add(key, -1)

    def points(self, now: int, renew: bool = False) -> tuple[MetricPoint, ...]:
        """Return how many are under way; those that ended in another process are counted out now."""
        for identity in tuple(islice(self._open, _ASKED_LIMIT)):
            if elsewhere.has_ended(self.instrument.identity, identity):
                self.end(identity)
        return super().points(now, renew)


class Distribution:
    """What a histogram knows of one series."""

    __slots__ = ("count", "counts", "examples", "high", "low", "maximum", "minimum", "total")

    def __init__(self, buckets: int) -> None:
        self.count = 0
        self.total = 0.0
        self.minimum = self.low = float("inf")
        self.maximum = self.high = float("-inf")
        self.counts = [0] * (buckets + 1)
        self.examples: dict[int, Example] = {}


class HistogramCells(Cells):
    """Series that are distributions over fixed buckets."""

    def __init__(self, instrument: Instrument, now: int) -> None:
        super().__init__(instrument, now)
        self._bounds = instrument.buckets
        self._cells: dict[Key, Distribution] = {}
        self.listener: Callable[[float, Attributes], None] | None = None

    def record(self, key: Key, value: float, example: Example | None = None) -> None:
        """Add one measurement to a series; *example* is kept until a newer one falls into its bucket."""
        if self.listener is not None:
            self.listener(value, self._attributes(key))
        cell = self._cells.get(key)
        if cell is None:
            key = self._admit(key)
            cell = self._cells.get(key) or self._cells.setdefault(key, Distribution(len(self._bounds)))
        cell.count += 1
        cell.total += value
        bucket = bisect_left(self._bounds, value)
        cell.counts[bucket] += 1
        if example is not None:
            cell.examples[bucket] = example
        if value < cell.low:
            cell.low = value
        if value > cell.high:
            cell.high = value

    def points(self, now: int, renew: bool = False) -> tuple[MetricPoint, ...]:
        """Return the state of each series."""
        for cell in self._cells.values():
            cell.minimum, cell.maximum = min(cell.minimum, cell.low), max(cell.maximum, cell.high)
        made = tuple(
            MetricPoint(
                attributes=self._attributes(key),
                start=self.start,
                time=now,
                value=cell.total,
                count=cell.count,
                bucket_counts=tuple(cell.counts),
                minimum=cell.minimum,
                maximum=cell.maximum,
                recent_minimum=cell.low,
                recent_maximum=cell.high,
                exemplars=tuple(Exemplar(*example) for example in cell.examples.values()),
            )
            for key, cell in self._cells.items()
        )
        if renew:
            for cell in self._cells.values():
                cell.low, cell.high = float("inf"), float("-inf")
                cell.examples.clear()
        return made


def cells_of(instrument: Instrument, now: int) -> Cells:
    """Return empty cells for *instrument*, counting from *now*."""
    if instrument.kind == "histogram":
        return HistogramCells(instrument, now)
    return (OpenCells if instrument.opened_by else NumberCells)(instrument, now)
