"""Real SDK spans under our ids, for providers that must see them at their time and in their context."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Tracer
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import INVALID_SPAN, Link, NonRecordingSpan, SpanContext, SpanKind, TraceFlags

from flowstone.catalogue.values import SpanLink
from flowstone.runtime.export.data import Scope

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider


class _GivenIds(IdGenerator):
    """Generates the ids it was given by the calling thread."""

    def __init__(self) -> None:
        self._given = threading.local()

    def give(self, trace_id: int, span_id: int) -> None:
        self._given.ids = trace_id, span_id

    def generate_trace_id(self) -> int:
        trace_id: int = self._given.ids[0]
        return trace_id

    def generate_span_id(self) -> int:
        span_id: int = self._given.ids[1]
        return span_id


class SdkSpans:
    """Starts SDK spans whose ids are given. Only our tracer has our ids; other tracers keep the provider's."""

    def __init__(self, provider: TracerProvider, scope: Scope) -> None:
        self._ids = _GivenIds()
        tracer = provider.get_tracer(*scope)
        self._tracer = tracer
        if isinstance(tracer, Tracer):
            tracer.id_generator = self._ids

    def start(
        self,
        name: str,
        *,
        trace_id: str,
        span_id: str,
        parent_id: str,
        kind: SpanKind,
        context: Context,
        attributes: Mapping[str, object],
        links: Sequence[SpanLink] = (),
        time: int | None = None,
    ) -> trace.Span:
        """Start a span in *context*; the provider's sampler and processors see it now."""
        trace_number = int(trace_id, 16)
        self._ids.give(trace_number, int(span_id, 16))
        return self._tracer.start_span(
            name,
            context=_parented(context, trace_number, int(parent_id or "0", 16)),
            kind=kind,
            attributes=attributes,  # type: ignore[arg-type]  # clean values of the catalogue
            links=[_link(link) for link in links],
            start_time=time,
            record_exception=False,
            set_status_on_exception=False,
        )


def _parented(context: Context, trace_id: int, parent_id: int) -> Context:
    """Return *context* with the parent that the event names as its current span.

    That is the one it has, but for legs that a host reports apart from any context.
    """
    above = trace.get_current_span(context).get_span_context()
    if above.is_valid and (above.trace_id, above.span_id) == (trace_id, parent_id):
        return context
    if not parent_id:
        return trace.set_span_in_context(INVALID_SPAN, context) if above.is_valid else context
    flags = TraceFlags(TraceFlags.SAMPLED)
    parent = SpanContext(trace_id, parent_id, is_remote=True, trace_flags=flags)
    return trace.set_span_in_context(NonRecordingSpan(parent), context)


def _link(link: SpanLink) -> Link:
    context = SpanContext(int(link.trace_id, 16), int(link.span_id, 16), is_remote=True)
    return Link(context, dict(link.attributes))
