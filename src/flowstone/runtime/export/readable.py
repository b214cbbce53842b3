"""Spans as the SDK's ``ReadableSpan``: for exporters and processors that are not ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.util import types

from flowstone.runtime.export.data import UNSET, SpanData

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

_KINDS: Final = {kind.value: kind for kind in SpanKind}
_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)


def readable(span: SpanData, resource: Resource, scope: InstrumentationScope) -> ReadableSpan:
    """Return *span* as the SDK would have made it."""
    from opentelemetry.sdk.trace import Event, ReadableSpan
    from opentelemetry.sdk.util import BoundedList

    trace_id = int(span.trace_id, 16)
    events = [Event(event.name, event.attributes, event.time) for event in span.events]
    links = [Link(_context(int(link.trace_id, 16), link.span_id), link.attributes) for link in span.links]
    bounded_events, bounded_links = BoundedList.from_seq(None, events), BoundedList.from_seq(None, links)
    bounded_events.dropped, bounded_links.dropped = span.dropped[1], span.dropped[2]
    return ReadableSpan(
        name=span.name,
        context=_context(trace_id, span.span_id),
        parent=_context(trace_id, span.parent_id) if span.parent_id else None,
        resource=resource,
        attributes=_attributes(span),
        events=bounded_events,
        links=bounded_links,
        kind=_KINDS[span.kind],
        status=_status(span),
        start_time=span.start,
        end_time=span.end,
        instrumentation_scope=scope,
    )


def _context(trace_id: int, span_id: str) -> SpanContext:
    return SpanContext(trace_id, int(span_id, 16), is_remote=False, trace_flags=_SAMPLED)


def _attributes(span: SpanData) -> types.Attributes:
    from opentelemetry.attributes import BoundedAttributes

    if not span.dropped[0]:
        return dict(span.attributes)
    bounded = BoundedAttributes(attributes=dict(span.attributes), immutable=False)
    bounded.dropped = span.dropped[0]
    return bounded


def _status(span: SpanData) -> Status:
    if span.status == UNSET:
        return Status(StatusCode.UNSET)
    return Status(StatusCode(span.status), span.description or None)
