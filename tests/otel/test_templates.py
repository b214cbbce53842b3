from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans

from flowstone.catalogue.event import Event
from flowstone.catalogue.values import STATUSES, Error, SpanEvent, SpanLink
from flowstone.otel.shapes import SHAPES
from flowstone.otel.spans import Spans
from flowstone.otel.templates import Encoder
from flowstone.runtime.export.encode import encode_span

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
counts = st.none() | st.integers(0, 2**62)
attributes = st.dictionaries(
    texts.filter(bool) | st.just("flowstone.run.id"), texts | st.booleans() | st.floats(), max_size=3
)
moment = st.integers(2**61, 2**62)
SPECIAL = {
    "trace_id": st.just("1" * 32),
    "span_id": st.just("2" * 16),
    "parent_id": st.sampled_from(["", "3" * 16]),
    "attributes": st.just({}) | attributes,
    "status": st.sampled_from(STATUSES),
    "partition": st.none() | texts | st.integers() | st.dates() | st.tuples(texts, st.datetimes()),
    "time": moment,
    "duration": st.integers(0, 2**60),
    "error": st.none() | st.builds(Error, type=texts, message=texts),
    "links": st.just(()) | st.just((SpanLink(trace_id="4" * 32, span_id="5" * 16),)),
    "span_events": st.just(()) | st.just((SpanEvent(name="e", time=1, attributes={}),)),
    "timeout": st.none() | st.floats(0, 1e9) | st.integers(0, 10**9),
}
NUMBERS = {"size_bytes", "rows", "cpu_time", "peak_rss"}
EVENTS = [cls for shape in SHAPES for cls in shape.events]


def events(cls: type[Event]) -> st.SearchStrategy[Event]:
    """Return events of *cls* with anything in their fields that telemetry looks at."""
    made = {}
    for field in dataclasses.fields(cls):
        if field.name in SPECIAL:
            made[field.name] = SPECIAL[field.name]
        elif field.name in NUMBERS:
            made[field.name] = counts
        elif field.name == "attempt":
            made[field.name] = st.integers(1, 2**40)
        elif field.type in ("str", str):
            made[field.name] = texts
    return st.builds(cls, **made)


ENCODER, SPANS = Encoder(Spans()), Spans()  # as in production, with caches that have seen other events


@pytest.mark.parametrize("cls", EVENTS, ids=lambda cls: cls.__name__)
@given(st.data())
def test_the_short_way_says_what_the_long_way_says(cls: type[Event], data: st.DataObject) -> None:
    """Whatever an event holds, its template and its span encode to the same message."""
    event = data.draw(events(cls))
    span = SPANS.of(event)
    short = ENCODER.of(event)
    assert span is not None
    assert short is not None
    assert messages(encode_span(span)) == messages(short)


def messages(encoded: bytes) -> str:
    """Return the spans in *encoded* as text, which can be compared where they hold NaN.

    Their attributes are in one order, for OTLP gives them none.
    """
    parsed: ScopeSpans = ScopeSpans.FromString(encoded)
    for span in parsed.spans:
        ordered = sorted(span.attributes, key=lambda pair: pair.SerializeToString(deterministic=True))
        del span.attributes[:]
        span.attributes.extend(ordered)
    return str(parsed)
