"""Metrics as tests compare them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from flowstone.catalogue.event import Event
from flowstone.catalogue.values import Attributes
from flowstone.otel.recording import Metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One series of one metric.

    Attributes:
        name: The metric's name.
        kind: ``histogram``, ``counter``, ``updowncounter`` or ``gauge``.
        unit: Its unit.
        attributes: What tells the series from the others of the metric.
        value: The value; of a histogram the sum.
        count: Measurements, of a histogram only.
        bucket_counts: Measurements per bucket, of a histogram only.
    """

    name: str
    kind: str
    unit: str
    attributes: Attributes
    value: float
    count: int = 0
    bucket_counts: tuple[int, ...] = ()


def measured(events: Iterable[Event]) -> list[Measured]:
    """Return what the plugin ``otel`` measures of *events*, counting from zero."""
    metrics = Metrics()
    metrics.record(list(events))
    return list(_series(metrics))


def _series(metrics: Metrics) -> Iterator[Measured]:
    for metric in metrics.read():
        for point in metric.points:
            yield Measured(
                name=metric.name,
                kind=metric.kind,
                unit=metric.unit,
                attributes=point.attributes,
                value=point.value,
                count=point.count,
                bucket_counts=point.bucket_counts,
            )
