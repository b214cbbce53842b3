"""Real SDK spans under our ids, for providers that must see them at their time and in their context."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Tracer
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import Sampler, SamplingResult
from opentelemetry.trace import (
    INVALID_SPAN,
    INVALID_SPAN_CONTEXT,
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    TraceFlags,
    TraceState,
)
from opentelemetry.util.types import Attributes

from flowstone.catalogue.values import SpanLink
from flowstone.runtime.context import SPAN_KEY
from flowstone.runtime.export.data import Scope

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

_SAID_LIMIT: Final = 1024


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


class _AskedOnce(Sampler):
    """The provider's sampler; what it said already about a trace that begins here it is not asked again."""

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler
        self._said: dict[int, SamplingResult] = {}

    def ask(
        self, context: Context, trace_id: int, name: str, kind: SpanKind, attributes: Mapping[str, object]
    ) -> bool:
        """Return whether the trace that begins in *context* is sampled, before there is a span."""
        result = self._sampler.should_sample(context, trace_id, name, kind, attributes, ())  # type: ignore[arg-type]
        if not _is_below(context):
            if len(self._said) >= _SAID_LIMIT:  # of traces whose first span was never made
                self._said.clear()
            self._said[trace_id] = result
        return bool(result.decision.is_sampled())  # type: ignore[no-untyped-call]  # the SDK's

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Say what was said of this root, else ask."""
        said = self._said.pop(trace_id, None) if self._said and not _is_below(parent_context) else None
        if said is None:
            # The SDK leaves out the trace state, and so do samplers of users in their signature.
            more = {} if trace_state is None else {"trace_state": trace_state}
            return self._sampler.should_sample(
                parent_context, trace_id, name, kind, attributes, links, **more
            )
        return SamplingResult(said.decision, {**(attributes or {}), **said.attributes}, said.trace_state)

    def get_description(self) -> str:
        """Return the sampler's own description."""
        return self._sampler.get_description()


def _is_below(context: Context | None) -> bool:
    return trace.get_current_span(context).get_span_context().is_valid


class SdkSpans:
    """Starts SDK spans whose ids are given. Only our tracer has our ids; other tracers keep the provider's."""

    def __init__(self, provider: TracerProvider, scope: Scope) -> None:
        self._ids = _GivenIds()
        self._sampler = _AskedOnce(provider.sampler)
        tracer = provider.get_tracer(*scope)
        self._tracer = tracer
        if isinstance(tracer, Tracer):
            tracer.id_generator = self._ids
            tracer.sampler = self._sampler
        self.sampled = self._sampler.ask

    def start(
        self,
        name: str,
        *,
        trace_id: int,
        span_id: int,
        parent_id: int,
        sampled: bool,
        kind: SpanKind,
        context: Context,
        attributes: Mapping[str, object],
        links: Sequence[SpanLink] = (),
        time: int | None = None,
    ) -> trace.Span:
        """Start a span in *context*; the provider's sampler and processors see it now."""
        self._ids.give(trace_id, span_id)
        return self._tracer.start_span(
            name,
            context=_parented(context, trace_id, parent_id, sampled),
            kind=kind,
            attributes=attributes,  # type: ignore[arg-type]  # clean values of the catalogue
            links=[_link(link) for link in links] if links else (),
            start_time=time,
            record_exception=False,
            set_status_on_exception=False,
        )


def _parented(context: Context, trace_id: int, parent_id: int, sampled: bool) -> Context:
    """Return *context* with the parent that the event names as its current span.

    That is the one it has, but for legs that a host reports apart from any context.
    """
    current = context.get(SPAN_KEY)
    above = current.get_span_context() if isinstance(current, trace.Span) else INVALID_SPAN_CONTEXT
    if above.span_id == parent_id and above.trace_id == trace_id and parent_id:
        return context
    if not parent_id:
        return trace.set_span_in_context(INVALID_SPAN, context) if above.is_valid else context
    flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
    parent = SpanContext(trace_id, parent_id, is_remote=True, trace_flags=flags)
    return trace.set_span_in_context(NonRecordingSpan(parent), context)


def _link(link: SpanLink) -> Link:
    context = SpanContext(int(link.trace_id, 16), int(link.span_id, 16), is_remote=True)
    return Link(context, dict(link.attributes))
