"""How this process traces: sampling decisions, and SDK spans where a foreign provider must see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, StatusCode

from flowstone.catalogue.event import Event
from flowstone.catalogue.operation import OperationStart
from flowstone.catalogue.values import NO_ATTRIBUTES, Attributes, SpanEvent
from flowstone.otel.live import Reader, reader_of
from flowstone.otel.spans import Spans
from flowstone.runtime.export.data import ERROR, SpanData
from flowstone.runtime.export.router import Router
from flowstone.runtime.export.routes import CompatRoute
from flowstone.runtime.rendering import RenderedOperation
from flowstone.runtime.span import OperationSpan

Started = dict[int, Attributes]
"""Spans that the SDK had at their time, by id, until the drain has seen their end; of points, what they began with."""

_SEEN_LIMIT: Final = 65_536
_KINDS: Final = {kind.value: kind for kind in SpanKind}


class OtelTracing:
    """The seam between operations and the SDK.

    Args:
        router: Knows where spans go.
        started: Kept when tracing is decided anew.

    Attributes:
        compat: True where foreign processors or samplers must see SDK spans at their time.
    """

    def __init__(self, router: Router, started: Started) -> None:
        self._router = router
        self._spans = Spans()
        self._started = started
        self._readers: dict[type[OperationSpan], Reader] = {}
        route = router.prepare()
        self.compat = isinstance(route, CompatRoute)
        # Of the provider that is the global one now; with another one tracing is decided anew.
        self._sdk = route.sdk_spans if isinstance(route, CompatRoute) else None

    def decide(
        self, context: Context, trace_id: int, name: str, kind: SpanKind, attributes: Mapping[str, object]
    ) -> bool:
        """Return whether a new trace is sampled."""
        return self._router.route().sampled(context, trace_id, name, kind, attributes)

    def begin(self, operation: OperationSpan, context: Context) -> trace.Span | None:
        """Start the SDK span of *operation*, with its ids, in *context*."""
        made: Any = operation  # a RenderedOperation, or it has no reader
        reader = self._readers.get(type(made)) or self._reader(type(made))
        if reader is None or self._sdk is None:
            return None
        name, attributes, own = reader.begin(made)
        made.shown = attributes, own
        self._note(
            made.span_id, NO_ATTRIBUTES
        )  # first: a start that a foreign processor breaks is not made again
        return self._sdk.start(
            name,
            trace_id=made.scope.trace_id,
            span_id=made.span_id,
            parent_id=made.parent_id,
            sampled=made.scope.sampled,
            kind=reader.kind,
            context=context,
            attributes=attributes,
            links=made.links() if made.span_links else (),
            time=made.start_time,
        )

    def finish(self, span: trace.Span, operation: OperationSpan) -> None:
        """End the SDK span of *operation*. Its own attributes, marks and links are on it already."""
        made: Any = operation
        before, own = made.shown
        made.shown = None
        new = None
        if made.failure is None and made.description is None and made.status is None:
            new = self._readers[type(made)].end(made, own)
        if new is None:
            made.made_end = made.made_end or made.end_event()  # the drain need not make it again
            self._end(span, made.made_end, before)
        elif span.is_recording():
            for key, value in new.items():
                span.set_attribute(key, value)
            span.end(made.start_time + (made.duration if made.duration > 0 else 1))

    def start(self, start: Event, context: Context) -> trace.Span | None:
        """Start the SDK span of a point, with the event's ids, in *context*."""
        shown = self._spans.started(start)
        if shown is None:
            return None
        if self._sdk is not None:
            self._note(int(start.span_id, 16), shown.attributes)
        return self._start(shown, context, start.sampled)

    def end(self, span: trace.Span, end: Event) -> None:
        """End the SDK span of a point.

        A start as the end is a leg that a host reports apart: its span is let go, and made from
        the other leg.
        """
        if isinstance(end, OperationStart):
            self._started.pop(int(end.span_id, 16), None)
            return
        self._end(span, end, self._started.get(int(end.span_id, 16), NO_ATTRIBUTES))

    def _end(self, span: trace.Span, end: Event, before: Attributes) -> None:
        """End a span that began with the attributes *before*. Its own marks and links are on it already."""
        ended = self._spans.of(end)
        if ended is None:
            span.end(end.time)
            return
        # Setting an attribute is dear in the SDK, and the span has most: those it began with, and the user's.
        new = {
            key: value
            for key, value in ended.attributes.items()
            if key not in end.attributes and before.get(key) != value
        }
        _finish(span, ended, new, ended.events[len(getattr(end, "span_events", ())) :])

    def saw(self, event: Event) -> bool:
        """Tell whether *event* ends an operation that had its SDK span; asked once for each."""
        if isinstance(event, OperationStart):
            return False
        return self._started.pop(int(event.span_id, 16), None) is not None

    def late(self, span: SpanData) -> None:
        """Start and end the SDK span of an operation that had none at its time, such as one begun before a fork."""
        made = self._start(span, Context(), True)
        if made is not None:
            _finish(made, span, {}, span.events)

    def _reader(self, cls: type[OperationSpan]) -> Reader | None:
        found = reader_of(cls) if issubclass(cls, RenderedOperation) else None
        if found is not None:
            self._readers[cls] = found
        return found

    def _note(self, span_id: int, attributes: Attributes) -> None:
        if len(self._started) >= _SEEN_LIMIT:  # ends that never came
            self._started.clear()
        self._started[span_id] = attributes

    def _start(self, span: SpanData, context: Context, sampled: bool) -> trace.Span | None:
        sdk = self._router.sdk_spans()
        if sdk is None:
            return None
        return sdk.start(
            span.name,
            trace_id=int(span.trace_id, 16),
            span_id=int(span.span_id, 16),
            parent_id=int(span.parent_id or "0", 16),
            sampled=sampled,
            kind=_KINDS[span.kind],
            context=context,
            attributes=span.attributes,
            links=span.links,
            time=span.start,
        )


def _finish(span: trace.Span, ended: SpanData, attributes: Attributes, moments: Sequence[SpanEvent]) -> None:
    """Give *span* what is known at its end."""
    if attributes:
        span.set_attributes(attributes)
    for moment in moments:
        span.add_event(moment.name, dict(moment.attributes), moment.time)
    if ended.status == ERROR:
        span.set_status(StatusCode.ERROR, ended.description or None)
    span.end(ended.end)
