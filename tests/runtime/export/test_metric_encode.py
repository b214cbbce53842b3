from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from flowstone.runtime.export.data import Exemplar, InstrumentKind, Metric, MetricPoint, Scope
from flowstone.runtime.export.metric_data import metrics_data
from flowstone.runtime.export.metric_encode import encode_metric
from flowstone.runtime.export.sinks import envelope_of, raw_metric_post
from flowstone.runtime.export.temporality import Deltas
from tests.otel.versions import needs_client, needs_exemplars, needs_splitting
from tests.runtime.export.test_encode import RESOURCE, attributes, floats, ids, numbers, texts, times

SCOPE = Scope("flowstone", "1.0", "http://scope/schema")
KINDS: tuple[InstrumentKind, ...] = ("histogram", "counter", "updowncounter", "gauge")
counts = st.integers(0, 2**63)
exemplars = st.builds(Exemplar, value=numbers | floats, time=times, trace_id=ids(32), span_id=ids(16))


@st.composite
def metrics(draw: st.DrawFn) -> Metric:
    """Return metrics of every kind, with anything in them that an instrument may tell."""
    kind = draw(st.sampled_from(KINDS))
    is_histogram = kind == "histogram"
    buckets = tuple(sorted(draw(st.sets(floats, max_size=5)))) if is_histogram else ()
    points = st.builds(
        MetricPoint,
        attributes=attributes,
        start=times,
        time=times,
        value=floats if is_histogram else numbers | floats,
        count=counts if is_histogram else st.just(0),
        bucket_counts=st.tuples(*[counts] * (len(buckets) + 1)) if is_histogram else st.just(()),
        minimum=floats,
        maximum=floats,
        exemplars=st.lists(exemplars, max_size=2).map(tuple) if is_histogram else st.just(()),
    )
    return Metric(
        name=draw(texts),
        kind=kind,
        unit=draw(texts),
        description=draw(texts),
        buckets=buckets,
        points=tuple(draw(st.lists(points, min_size=1, max_size=3))),
    )


@needs_exemplars
@settings(suppress_health_check=[HealthCheck.too_slow])  # seconds on a busy machine
@given(st.lists(metrics(), min_size=1, max_size=3), st.sets(st.sampled_from(KINDS[:3])))
def test_our_bytes_say_what_the_stock_encoders_say(told: list[Metric], kinds: set[str]) -> None:
    """Parsed, our request is the request that the stock encoder makes of the same metrics."""
    deltas = Deltas(frozenset(kinds))
    stock = encode_metrics(metrics_data(told, deltas, RESOURCE, InstrumentationScope(*SCOPE)))
    ours = envelope_of(RESOURCE, SCOPE).wrap([encode_metric(one, deltas.is_delta(one)) for one in told])
    assert _sorted(stock) == _sorted(ExportMetricsServiceRequest.FromString(ours))


@needs_client
def test_bytes_go_only_where_one_request_is_sent_as_it_is() -> None:
    """The stock exporter takes our bytes; one that is another's does not."""

    class Another(OTLPMetricExporter):
        pass

    assert raw_metric_post(OTLPMetricExporter(endpoint="http://127.0.0.1:9/v1/metrics")) is not None
    assert raw_metric_post(Another(endpoint="http://127.0.0.1:9/v1/metrics")) is None


@needs_splitting
def test_an_exporter_that_splits_its_requests_takes_no_bytes() -> None:
    """Where the user bounds a request, metrics go through the stock encoder, which splits them."""
    splitting = OTLPMetricExporter(endpoint="http://127.0.0.1:9/v1/metrics", max_export_batch_size=1)
    assert raw_metric_post(splitting) is None


def _sorted(request: ExportMetricsServiceRequest) -> ExportMetricsServiceRequest:
    for resource in request.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                for data in (metric.gauge, metric.sum, metric.histogram):
                    for point in data.data_points:
                        point.attributes.sort(key=lambda pair: pair.key)
    return request
