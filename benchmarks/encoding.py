"""Our OTLP encoder against the stock one, on the same spans; that both say the same is tested elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter_ns

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from benchmarks.rounds import interleave, rounds_of
from benchmarks.rows import Report, ratio
from benchmarks.work import PARTITIONS
from flowstone.catalogue.event import Event
from flowstone.catalogue.materialization import MaterializationStop
from flowstone.otel.spans import Spans
from flowstone.otel.templates import Encoder
from flowstone.runtime.export.data import SpanData
from flowstone.runtime.export.encode import Envelope, encode_span
from flowstone.runtime.export.readable import readable
from flowstone.runtime.identity import new_span_id, new_trace_id

COUNT = 512


def _span(number: int) -> SpanData:
    begin = 1_750_000_000_000_000_000 + number * 1_000_003
    return SpanData(
        trace_id=f"{new_trace_id():032x}",
        span_id=f"{new_span_id():016x}",
        parent_id=f"{new_span_id():016x}",
        name="materialize daily_report",
        kind=0,
        start=begin,
        end=begin + 1_000_000 + number,
        attributes={
            "flowstone.correlation.id": "0190a1b2-c3d4-4e5f-8a9b-0c1d2e3f4a5b",
            "flowstone.run.id": "run-1",
            "flowstone.pipeline": "nightly",
            "flowstone.orchestrator": "python",
            "flowstone.asset": "daily_report",
            "flowstone.partition": PARTITIONS[number % 365],
            "flowstone.materialization.attempt": 1 + number % 3,
            "flowstone.materialization.size": 1024 * number,
        },
    )


def _event(number: int) -> Event:
    begin = 1_750_000_000_000_000_000 + number * 1_000_003
    return MaterializationStop(
        time=begin + 1_000_000 + number,
        correlation_id="0190a1b2-c3d4-4e5f-8a9b-0c1d2e3f4a5b",
        trace_id=f"{new_trace_id():032x}",
        span_id=f"{new_span_id():016x}",
        parent_id=f"{new_span_id():016x}",
        run_id="run-1",
        pipeline="nightly",
        asset="daily_report",
        partition=PARTITIONS[number % 365],
        attempt=1 + number % 3,
        size_bytes=1024 * number,
        duration=1_000_000 + number,
    )


def run(quick: bool) -> Report:
    """Measure both encoders."""
    spans = [_span(number) for number in range(COUNT)]
    resource, scope = Resource.create({"service.name": "bench"}), InstrumentationScope("flowstone", "0")
    sdk_spans = [readable(span, resource, scope) for span in spans]
    envelope = Envelope({"service.name": "bench"}, scope="flowstone", version="0")
    events = [_event(number) for number in range(COUNT)]
    encode_event = Encoder(Spans()).of
    found = interleave(
        {
            "ours": lambda: _time(lambda: envelope.wrap([encode_span(span) for span in spans])),
            "events": lambda: _time(lambda: envelope.wrap(list(filter(None, map(encode_event, events))))),
            "stock": lambda: _time(lambda: encode_spans(sdk_spans).SerializeToString()),
        },
        rounds_of(quick),
    )
    return Report(
        rows=(
            ratio("stock encoder / ours, from ended spans", found["ours"], found["stock"], sense="least"),
            ratio(
                "stock encoder / ours, straight from events", found["events"], found["stock"], sense="least"
            ),
        ),
        notes=(
            (
                f"{COUNT} spans of 8 attributes, distinct ids and times, 365 partitions; request envelope "
                "included. Per span; the second row makes the span too, which the stock encoder is given "
                "ready."
            ),
        ),
    )


def _time(encode: Callable[[], bytes]) -> float:
    began = perf_counter_ns()
    assert encode()
    return (perf_counter_ns() - began) / 1000 / COUNT
