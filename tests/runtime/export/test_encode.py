from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from flowstone.catalogue.values import SpanEvent, SpanLink
from flowstone.runtime.export import wire
from flowstone.runtime.export.data import ERROR, OK, UNSET, SpanData
from flowstone.runtime.export.encode import Envelope, encode_span
from flowstone.runtime.export.readable import readable

RESOURCE = Resource({"service.name": "tested", "ports": [1, 2], "ratio": 0.5}, "http://resource/schema")
SCOPE = InstrumentationScope("flowstone", "1.0", "http://scope/schema")
ENVELOPE = Envelope(
    RESOURCE.attributes,  # type: ignore[arg-type]
    scope=SCOPE.name,
    version="1.0",
    schema_url="http://scope/schema",
    resource_schema_url="http://resource/schema",
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
numbers = st.integers(-(2**63), 2**63 - 1)
floats = st.floats(allow_nan=False, allow_infinity=False)
scalars = texts | st.booleans() | numbers | floats
values = scalars | st.lists(texts) | st.lists(st.booleans()) | st.lists(numbers) | st.lists(floats)
attributes = st.dictionaries(texts.filter(bool), values, max_size=12)
times = st.integers(0, 2**63)


def ids(digits: int) -> st.SearchStrategy[str]:
    return st.integers(1, 16**digits - 1).map(lambda number: f"{number:0{digits}x}")


spans = st.builds(
    SpanData,
    trace_id=ids(32),
    span_id=ids(16),
    parent_id=st.just("") | ids(16),
    name=texts,
    kind=st.integers(0, 4),
    start=times,
    end=times,
    attributes=attributes,
    events=st.lists(st.builds(SpanEvent, name=texts, time=times, attributes=attributes), max_size=3).map(
        tuple
    ),
    links=st.lists(
        st.builds(SpanLink, trace_id=ids(32), span_id=ids(16), attributes=attributes), max_size=3
    ).map(tuple),
    status=st.sampled_from([UNSET, OK, ERROR]),
    description=texts,
    dropped=st.tuples(*[st.integers(0, 2**31)] * 3),
).map(lambda span: span if span.status == ERROR else span._replace(description=""))


@settings(suppress_health_check=[HealthCheck.too_slow])  # seconds on a busy machine
@given(st.lists(spans, max_size=4))
def test_our_bytes_mean_what_the_stock_encoder_says(made: list[SpanData]) -> None:
    """Whatever a span holds, our bytes parse to the message that the stock encoder makes of the same span."""
    stock = encode_spans([readable(span, RESOURCE, SCOPE) for span in made] or [])
    ours = ExportTraceServiceRequest.FromString(ENVELOPE.wrap([encode_span(span) for span in made]))
    if not made:  # the stock encoder has no resource without spans
        assert [] == list(ours.resource_spans[0].scope_spans[0].spans)
        return
    for scope in stock.resource_spans[0].scope_spans:
        scope.schema_url = SCOPE.schema_url or ""  # the encoder of 1.27 leaves it out
    assert stock == ours


@given(values)
def test_repeated_attributes_encode_alike(value: object) -> None:
    """An attribute that comes from the cache has the bytes that it had at first."""
    first: list[bytes] = []
    again: list[bytes] = []
    wire.attributes(b"\x4a", {"key": value}, first)  # type: ignore[dict-item]
    wire.attributes(b"\x4a", {"key": value}, again)  # type: ignore[dict-item]
    assert first == again


def test_equal_numbers_of_different_types_keep_their_types() -> None:
    """1, 1.0 and True are equal in Python, and three different things on the wire."""
    assert 3 == len({wire.any_value(value) for value in (1, 1.0, True)})


def test_caches_are_bounded() -> None:
    """Attributes that never repeat do not make the process grow."""
    for number in range(3 * wire.CACHE_LIMIT):
        wire.attributes(b"\x4a", {f"key{number}": f"value{number}"}, [])
    assert wire.CACHE_LIMIT >= max(len(wire._strings), len(wire._heads))


def test_what_the_wire_cannot_hold_is_made_to_fit() -> None:
    """A lone surrogate, an integer beyond 64 bits or an unknown object never breaks a batch."""
    odd: dict[str, Any] = {"big": 2**70, "odd": "\ud800", "any": object()}
    span = SpanData("1" * 32, "2" * 16, "", "a\ud800", 0, 1, 2, odd)
    parsed = ExportTraceServiceRequest.FromString(ENVELOPE.wrap([encode_span(span)]))
    assert "a?" == parsed.resource_spans[0].scope_spans[0].spans[0].name
