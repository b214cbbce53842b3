"""Delta from cumulative: what one exporter was not yet told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from flowstone.runtime.export.data import Metric, MetricPoint

Series = tuple[str, frozenset[tuple[str, object]]]


class Deltas:
    """What one exporter was told last, moved forward only when it took what it was told.

    A failed export thus loses nothing: the next one tells both intervals.

    Args:
        names: Kinds of instruments of which the exporter wants differences.
    """

    def __init__(self, kinds: frozenset[str]) -> None:
        self._kinds = kinds
        self._told: dict[Series, MetricPoint] = {}
        self._extremes: dict[Series, tuple[float, float]] = {}
        self._now: dict[Series, MetricPoint] = {}

    def is_delta(self, metric: Metric) -> bool:
        """Tell whether the exporter wants differences of *metric*."""
        return metric.kind in self._kinds

    def apply(self, metrics: Sequence[Metric]) -> list[Metric]:
        """Return *metrics* as the exporter wants them; series that did not move are left out of differences."""
        self._now = {}
        made = [
            replace(metric, points=tuple(self._differences(metric))) if self.is_delta(metric) else metric
            for metric in metrics
        ]
        return [metric for metric in made if metric.points]

    def commit(self) -> None:
        """Remember that the exporter took what it was told."""
        self._told.update(self._now)
        self._extremes.clear()

    def _differences(self, metric: Metric) -> list[MetricPoint]:
        made = []
        for point in metric.points:
            series = (metric.name, frozenset(point.attributes.items()))
            self._now[series] = point
            low, high = self._extremes.get(series, (float("inf"), float("-inf")))
            self._extremes[series] = extremes = (
                min(low, point.recent_minimum),
                max(high, point.recent_maximum),
            )
            told = self._told.get(series)
            if told is None:
                made.append(replace(point, minimum=extremes[0], maximum=extremes[1]))
            elif point.count != told.count or point.value != told.value:
                made.append(_minus(point, told, extremes))
        return made


def _minus(point: MetricPoint, told: MetricPoint, extremes: tuple[float, float]) -> MetricPoint:
    return replace(
        point,
        start=told.time,
        value=point.value - told.value,
        count=point.count - told.count,
        bucket_counts=tuple(a - b for a, b in zip(point.bucket_counts, told.bucket_counts, strict=True)),
        minimum=extremes[0],
        maximum=extremes[1],
    )
