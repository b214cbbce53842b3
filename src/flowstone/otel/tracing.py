"""How this process traces: sampling decisions, and SDK spans where a foreign provider must see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, StatusCode

from flowstone.catalogue.event import Event
from flowstone.catalogue.operation import OperationStart
from flowstone.catalogue.values import NO_ATTRIBUTES, Attributes, SpanEvent
from flowstone.otel.spans import Spans
from flowstone.runtime.export.data import ERROR, SpanData
from flowstone.runtime.export.router import Router
from flowstone.runtime.export.routes import CompatRoute

Started = dict[str, Attributes]
"""Attributes that spans under way have from their start, by span id."""

_SEEN_LIMIT: Final = 65_536
_KINDS: Final = {kind.value: kind for kind in SpanKind}


class OtelTracing:
    """The seam between operations and the SDK.

    Args:
        router: Knows where spans go.
        started: Spans that the SDK has under way, by id, with the attributes they began with; kept
            when tracing is decided anew.

    Attributes:
        compat: True where foreign processors or samplers must see SDK spans at their time.
    """

    def __init__(self, router: Router, started: dict[str, Attributes]) -> None:
        self._router = router
        self._spans = Spans()
        self._started = started
        self.compat = isinstance(router.prepare(), CompatRoute)

    def decide(
        self, context: Context, trace_id: int, name: str, kind: SpanKind, attributes: Mapping[str, object]
    ) -> bool:
        """Return whether a new trace is sampled."""
        return self._router.route().sampled(context, trace_id, name, kind, attributes)

    def start(self, start: Event, context: Context) -> trace.Span | None:
        """Start the SDK span of an operation, with the event's ids, in *context*."""
        shown = self._spans.started(start)
        if shown is None:
            return None
        span = self._start(shown, context)
        if span is not None:
            if len(self._started) >= _SEEN_LIMIT:  # ends that never came
                self._started.clear()
            self._started[start.span_id] = shown.attributes
        return span

    def end(self, span: trace.Span, end: Event) -> None:
        """End the SDK span of an operation. Its own marks and links are on it already.

        A start as the end is a leg that a host reports apart: its span is let go, and made from
        the other leg.
        """
        if isinstance(end, OperationStart):
            self._started.pop(end.span_id, None)
            return
        ended = self._spans.of(end)
        if ended is None:
            span.end(end.time)
            return
        # Setting an attribute is dear in the SDK, and the span has most: those it began with, and the user's.
        before = self._started.get(end.span_id, NO_ATTRIBUTES)
        new = {
            key: value
            for key, value in ended.attributes.items()
            if key not in end.attributes and before.get(key) != value
        }
        _finish(span, ended, new, ended.events[len(getattr(end, "span_events", ())) :])

    def saw(self, event: Event) -> bool:
        """Tell whether *event* ends an operation that had its SDK span; asked once for each."""
        if event.span_id not in self._started or isinstance(event, OperationStart):
            return False
        self._started.pop(event.span_id, None)
        return True

    def late(self, span: SpanData) -> None:
        """Start and end the SDK span of an operation that had none at its time, such as one begun before a fork."""
        made = self._start(span, Context())
        if made is not None:
            _finish(made, span, {}, span.events)

    def _start(self, span: SpanData, context: Context) -> trace.Span | None:
        sdk = self._router.sdk_spans()
        if sdk is None:
            return None
        return sdk.start(
            span.name,
            trace_id=span.trace_id,
            span_id=span.span_id,
            parent_id=span.parent_id,
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
