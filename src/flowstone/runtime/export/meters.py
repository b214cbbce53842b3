"""Metrics through an SDK meter provider: the user's own, or one for readers and aggregations that are not ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from opentelemetry.metrics import CallbackOptions, Observation

from flowstone.catalogue.values import Attributes
from flowstone.runtime.export.data import Metric, Scope

if TYPE_CHECKING:
    from opentelemetry.metrics import Histogram, Meter, MeterProvider

Record = Callable[[float, Attributes], None]


def bind(
    provider: MeterProvider,
    metrics: Sequence[Metric],
    read: Callable[[], Sequence[Metric]],
    scope: Scope,
) -> Mapping[str, Record]:
    """Create the instruments of *metrics* at *provider*.

    Returns:
        For each histogram what records a measurement. The other instruments are observed: they
        read our own cells when the provider collects.
    """
    meter = provider.get_meter(*scope)
    observed = {
        "counter": meter.create_observable_counter,
        "updowncounter": meter.create_observable_up_down_counter,
        "gauge": meter.create_observable_gauge,
    }
    recorders: dict[str, Record] = {}
    for metric in metrics:
        if metric.kind == "histogram":
            recorders[metric.name] = _histogram(meter, metric).record
        else:
            observed[metric.kind](
                metric.name, [_observer(metric.name, read)], metric.unit, metric.description
            )
    return recorders


def _histogram(meter: Meter, metric: Metric) -> Histogram:
    try:
        return meter.create_histogram(
            metric.name,
            metric.unit,
            metric.description,
            explicit_bucket_boundaries_advisory=metric.buckets,
        )
    except TypeError:  # 1.27 takes no advice: the buckets are the SDK's, or of a view of the user's
        return meter.create_histogram(metric.name, metric.unit, metric.description)


def _observer(
    name: str, read: Callable[[], Sequence[Metric]]
) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def observe(_: CallbackOptions) -> Iterable[Observation]:
        for metric in read():
            if metric.name == name:
                yield from (Observation(point.value, dict(point.attributes)) for point in metric.points)

    return observe
