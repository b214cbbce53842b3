"""The ways that ended spans can take out of the process: none, or to a provider of the user's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind

from flowstone.runtime import stats
from flowstone.runtime.context import SPAN_KEY
from flowstone.runtime.export.bounded import within
from flowstone.runtime.export.data import Scope, SpanData
from flowstone.runtime.export.foreign import flush, limits_of
from flowstone.runtime.export.readable import readable

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
    from opentelemetry.sdk.trace.sampling import Sampler


class Route(Protocol):
    """Where ended spans go."""

    @property
    def takes_bytes(self) -> bool:
        """Whether spans may come encoded."""
        ...

    def sampled(
        self, context: Context, trace_id: int, name: str, kind: SpanKind, attributes: Mapping[str, object]
    ) -> bool:
        """Return whether a trace that begins in *context* is sampled."""
        ...

    def export(self, spans: Sequence[SpanData]) -> None:
        """Take over *spans*; never waits."""
        ...

    def export_encoded(self, spans: Sequence[bytes]) -> None:
        """Take over encoded *spans*, where it takes bytes."""
        ...

    def flush(self, timeout: float) -> bool:
        """Deliver what was taken over within *timeout* seconds; True if receivers took all of it."""
        ...

    def close(self, timeout: float) -> bool:
        """Flush, and end."""
        ...


class NoRoute:
    """Nothing is exported; the SDK is not even imported."""

    takes_bytes = False

    def __init__(self, sampled: bool = True) -> None:
        self._sampled = sampled

    def sampled(
        self, context: Context, trace_id: int, name: str, kind: SpanKind, attributes: Mapping[str, object]
    ) -> bool:
        """Return what the trace above says, at a root yes unless the SDK is disabled."""
        return self._sampled and parent_sampled(context)

    def export(self, spans: Sequence[SpanData]) -> None:
        """Let *spans* go."""

    def export_encoded(self, spans: Sequence[bytes]) -> None:
        """Let *spans* go."""

    def flush(self, timeout: float) -> bool:
        """Have nothing to deliver."""
        return True

    def close(self, timeout: float) -> bool:
        """Have nothing to end."""
        return True


def parent_sampled(context: Context) -> bool:
    """Return the sampled flag of the span in *context*, True where there is none: the default sampler."""
    span = context.get(SPAN_KEY)
    if span is None or not isinstance(span, trace.Span):
        return True
    above = span.get_span_context()
    return above.trace_flags.sampled if above.is_valid else True


def ask(
    sampler: Sampler,
    context: Context,
    trace_id: int,
    name: str,
    kind: SpanKind,
    attributes: Mapping[str, object],
) -> bool:
    """Return whether *sampler* wants the trace that begins in *context*."""
    result = sampler.should_sample(context, trace_id, name, kind, attributes, ())  # type: ignore[arg-type]
    return bool(result.decision.is_sampled())  # type: ignore[no-untyped-call]  # the SDK's


class ForeignRoute:
    """The user's own provider, where nobody can notice that spans are made late: straight to its processors."""

    takes_bytes = False

    def __init__(self, provider: TracerProvider, found: tuple[SpanProcessor, ...], scope: Scope) -> None:
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope

        self._provider, self._processors = provider, found
        self._scope = InstrumentationScope(*scope)
        self._limits = limits_of(provider)

    def sampled(
        self, context: Context, trace_id: int, name: str, kind: SpanKind, attributes: Mapping[str, object]
    ) -> bool:
        """Ask the provider's sampler."""
        return ask(self._provider.sampler, context, trace_id, name, kind, attributes)

    def export(self, spans: Sequence[SpanData]) -> None:
        """Hand *spans* to the processors."""
        resource = self._provider.resource
        for span in spans:
            made = readable(self._limits.span(span), resource, self._scope)
            for processor in self._processors:
                try:  # fault wall: an exporter behind a simple processor may raise
                    processor.on_end(made)
                except Exception:
                    stats.count("export.failed.spans")

    def export_encoded(self, spans: Sequence[bytes]) -> None:
        """Never called: processors take spans."""

    def flush(self, timeout: float) -> bool:
        """Flush the provider. Its answer is all there is to know; its exporters are not ours to watch."""
        return within(timeout, lambda: flush(self._provider, timeout))

    def close(self, timeout: float) -> bool:
        """Flush only: the provider's end is its owner's business."""
        return self.flush(timeout)


class CompatRoute(ForeignRoute):
    """The user's own provider, where SDK spans are made on the caller: nothing is left to export here.

    Attributes:
        sdk_spans: Starts them.
    """

    def __init__(self, provider: TracerProvider, scope: Scope) -> None:
        from flowstone.runtime.export.compat import SdkSpans

        super().__init__(provider, (), scope)
        self.sdk_spans = SdkSpans(provider, scope)

    def sampled(
        self, context: Context, trace_id: int, name: str, kind: SpanKind, attributes: Mapping[str, object]
    ) -> bool:
        """Ask the provider's sampler; the SDK span that begins the trace does not ask it again."""
        return self.sdk_spans.sampled(context, trace_id, name, kind, attributes)

    def export(self, spans: Sequence[SpanData]) -> None:
        """Let *spans* go: their SDK spans went to the processors when they ended."""
