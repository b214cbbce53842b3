"""Metrics as the SDK's ``MetricsData``: what stock metric exporters take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from flowstone.runtime.export.data import Exemplar, Metric, MetricPoint
from flowstone.runtime.export.temporality import Deltas

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics import Exemplar as SdkExemplar
    from opentelemetry.sdk.metrics.export import (
        Gauge,
        Histogram,
        HistogramDataPoint,
        MetricExporter,
        MetricsData,
        Sum,
    )
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope


def deltas_of(exporter: MetricExporter) -> Deltas:
    """Return which instruments *exporter* prefers as differences."""
    from opentelemetry.sdk import metrics
    from opentelemetry.sdk.metrics.export import AggregationTemporality

    preferred = getattr(exporter, "_preferred_temporality", None) or {}
    kinds = {
        metrics.Counter: "counter",
        metrics.UpDownCounter: "updowncounter",
        metrics.Histogram: "histogram",
    }
    return Deltas(
        frozenset(kinds[cls] for cls in kinds if preferred.get(cls) is AggregationTemporality.DELTA)
    )


def metrics_data(
    told: Sequence[Metric], deltas: Deltas, resource: Resource, scope: InstrumentationScope
) -> MetricsData:
    """Return metrics, already as *deltas* wants them, in the SDK's form."""
    from opentelemetry.sdk.metrics.export import Metric as SdkMetric
    from opentelemetry.sdk.metrics.export import MetricsData, ResourceMetrics, ScopeMetrics

    metrics = [
        SdkMetric(
            name=own.name, description=own.description, unit=own.unit, data=_data(own, deltas.is_delta(own))
        )
        for own in told
    ]
    scoped = ScopeMetrics(scope=scope, metrics=metrics, schema_url=scope.schema_url or "")
    return MetricsData(
        resource_metrics=[
            ResourceMetrics(resource=resource, scope_metrics=[scoped], schema_url=resource.schema_url)
        ]
    )


def _data(metric: Metric, delta: bool) -> Sum | Gauge | Histogram:
    from opentelemetry.sdk.metrics import export

    temporality = export.AggregationTemporality.DELTA if delta else export.AggregationTemporality.CUMULATIVE
    if metric.kind == "histogram":
        distributions = [_distribution(point, metric.buckets) for point in metric.points]
        return export.Histogram(data_points=distributions, aggregation_temporality=temporality)
    numbers = [
        export.NumberDataPoint(
            attributes=point.attributes,
            start_time_unix_nano=point.start,
            time_unix_nano=point.time,
            value=point.value,
        )
        for point in metric.points
    ]
    if metric.kind == "gauge":
        return export.Gauge(data_points=numbers)
    return export.Sum(
        data_points=numbers, aggregation_temporality=temporality, is_monotonic=metric.kind == "counter"
    )


def _distribution(point: MetricPoint, buckets: tuple[float, ...]) -> HistogramDataPoint:
    from opentelemetry.sdk.metrics import export

    made = export.HistogramDataPoint(
        attributes=point.attributes,
        start_time_unix_nano=point.start,
        time_unix_nano=point.time,
        count=point.count,
        sum=point.value,
        bucket_counts=point.bucket_counts,
        explicit_bounds=buckets,
        min=point.minimum,
        max=point.maximum,
    )
    if point.exemplars and hasattr(made, "exemplars"):  # older SDKs have none
        return replace(made, exemplars=[_exemplar(one) for one in point.exemplars])
    return made


def _exemplar(one: Exemplar) -> SdkExemplar:
    from opentelemetry.sdk.metrics import Exemplar as SdkExemplar

    return SdkExemplar(
        filtered_attributes={},
        value=one.value,
        time_unix_nano=one.time,
        trace_id=int(one.trace_id, 16),
        span_id=int(one.span_id, 16),
    )
