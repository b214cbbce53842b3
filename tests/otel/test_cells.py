from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from flowstone.catalogue.checkpoint import CheckpointApproved, CheckpointRequested
from flowstone.catalogue.materialization import (
    MaterializationException,
    MaterializationStart,
    MaterializationStop,
)
from flowstone.catalogue.resource import ResourceHealthCheck
from flowstone.catalogue.values import Error
from flowstone.otel.cells import CARDINALITY_LIMIT
from flowstone.otel.instruments import INSTRUMENTS
from flowstone.otel.recording import Metrics
from flowstone.runtime.export.data import Metric, MetricPoint
from flowstone.runtime.export.temporality import Deltas
from tests.otel.versions import needs_advice

DURATION = next(own for own in INSTRUMENTS if own.name == "flowstone.materialization.duration")


def metric(metrics: Metrics, name: str) -> Metric:
    return next(one for one in metrics.read() if one.name == name)


def value(metrics: Metrics, name: str) -> float:
    (point,) = metric(metrics, name).points
    return point.value


@needs_advice
@given(st.lists(st.integers(0, 10**14), min_size=1, max_size=50))
def test_our_histogram_is_the_sdks(durations: list[int]) -> None:
    """Whatever is measured, count, sum, extremes and buckets are those of an SDK histogram."""
    reader = InMemoryMetricReader()
    meter = MeterProvider([reader], shutdown_on_exit=False).get_meter("test")
    stock = meter.create_histogram("h", explicit_bucket_boundaries_advisory=DURATION.buckets)
    ours = Metrics()
    for duration in durations:
        stock.record(duration / 1e9)
        ours.record([MaterializationStop(asset="a", duration=duration)])
    data = reader.get_metrics_data()
    assert data is not None
    expected = data.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points[0]
    (point,) = metric(ours, DURATION.name).points
    assert (expected.count, tuple(expected.bucket_counts)) == (point.count, point.bucket_counts)  # type: ignore[union-attr]
    assert (expected.sum, expected.min, expected.max) == (point.value, point.minimum, point.maximum)  # type: ignore[union-attr]


def test_labels_are_what_the_table_says() -> None:
    """A failure carries outcome and error type, a success no error type, and empty labels are left out."""
    metrics = Metrics()
    metrics.record([MaterializationStop(asset="a", duration=1)])
    error = Error(type="ValueError")
    metrics.record(
        [MaterializationException(asset="a", duration=1, status="failure", error=error, pipeline="p")]
    )
    good, bad = (point.attributes for point in metric(metrics, DURATION.name).points)
    common = {"flowstone.orchestrator.name": "python", "flowstone.asset.key": "a"}
    assert {**common, "flowstone.outcome": "success"} == good
    failed = {"flowstone.outcome": "failure", "error.type": "ValueError", "flowstone.pipeline.name": "p"}
    assert {**common, **failed} == bad


def test_series_are_bounded() -> None:
    """Beyond the limit further assets share one overflow series, and no measurement is lost."""
    metrics = Metrics()
    many = CARDINALITY_LIMIT + 500
    metrics.record([MaterializationStop(asset=f"a{number}", duration=1) for number in range(many)])
    points = metric(metrics, DURATION.name).points
    assert CARDINALITY_LIMIT == len(points)
    assert {"otel.metric.overflow": True} == points[-1].attributes
    assert many == sum(point.count for point in points)


def test_active_counts_what_began_here() -> None:
    """An end without a begin changes nothing, and a second end of the same span neither."""
    metrics = Metrics()
    metrics.record(
        [MaterializationStart(asset="a", span_id="1"), MaterializationStart(asset="b", span_id="2")]
    )
    assert 2 == value(metrics, "flowstone.materialization.active")
    ends = [MaterializationStop(asset="a", span_id=span_id) for span_id in ("1", "1", "9")]
    metrics.record(ends)
    assert 1 == value(metrics, "flowstone.materialization.active")


def test_pending_checkpoints_meet_their_verdicts_by_id() -> None:
    """A verdict ends the waiting of its own request."""
    metrics = Metrics()
    metrics.record([CheckpointRequested(checkpoint="gate", checkpoint_id="t", span_id="1")])
    assert 1 == value(metrics, "flowstone.checkpoint.pending")
    metrics.record([CheckpointApproved(checkpoint="gate", checkpoint_id="t", span_id="2", duration=5)])
    assert 0 == value(metrics, "flowstone.checkpoint.pending")


def test_a_resource_is_in_one_state_at_a_time() -> None:
    """The present status is 1, each other 0, also after it changed."""
    metrics = Metrics()
    metrics.record([ResourceHealthCheck(resource="db", status=status) for status in ("healthy", "degraded")])
    states = {
        point.attributes["flowstone.resource.status"]: point.value
        for point in metric(metrics, "flowstone.resource.status").points
    }
    assert {"healthy": 0, "degraded": 1, "unhealthy": 0, "unknown": 0} == states


def test_a_failed_delta_is_told_again() -> None:
    """Differences are counted from what the receiver took last, so a failed export loses nothing."""
    metrics, deltas = Metrics(), Deltas(frozenset({"histogram"}))

    def told(*durations: int, taken: bool) -> MetricPoint:
        metrics.record([MaterializationStop(asset="a", duration=duration) for duration in durations])
        points = next(
            one for one in deltas.apply(metrics.read(renew=True)) if one.name == DURATION.name
        ).points
        if taken:
            deltas.commit()
        return points[0]

    assert (2, 1e-9, 4e-9) == facts(told(1, 4, taken=True))
    assert (1, 3e-9, 3e-9) == facts(told(3, taken=False))
    assert (2, 2e-9, 3e-9) == facts(told(2, taken=True))
    assert not [one for one in deltas.apply(metrics.read(renew=True)) if one.name == DURATION.name]


def facts(point: MetricPoint) -> tuple[int, float, float]:
    return point.count, point.minimum, point.maximum
