"""The seam to the user's OpenTelemetry SDK: sampling decisions, and real SDK spans where a provider needs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span, SpanKind

    from flowstone.catalogue.event import Event
    from flowstone.runtime.span import OperationSpan


class Tracing(Protocol):
    """How this process traces; decided once at the first emission, and again when the global provider changes."""

    compat: bool
    """True where foreign processors or samplers must see SDK spans at their time, in their context."""

    def decide(
        self, context: Context, trace_id: int, name: str, kind: SpanKind, attributes: Mapping[str, object]
    ) -> bool:
        """Return whether a new trace is sampled."""
        ...

    def begin(self, operation: OperationSpan, context: Context) -> Span | None:
        """Start the SDK span of *operation* (compat only), with its ids, in *context*."""
        ...

    def finish(self, span: Span, operation: OperationSpan) -> None:
        """End the SDK span of *operation* (compat only)."""
        ...

    def start(self, start: Event, context: Context) -> Span | None:
        """Start the SDK span of a point (compat only), with the event's ids, in *context*."""
        ...

    def end(self, span: Span, end: Event) -> None:
        """End the SDK span of a point (compat only)."""
        ...


class Untraced:
    """No SDK in this process: everything is sampled, nothing has an SDK span."""

    compat = False

    def decide(
        self, context: Context, trace_id: int, name: str, kind: SpanKind, attributes: Mapping[str, object]
    ) -> bool:
        """Sample everything."""
        return True

    def begin(self, operation: OperationSpan, context: Context) -> Span | None:
        """Have no SDK span."""
        return None

    def finish(self, span: Span, operation: OperationSpan) -> None:
        """Have nothing to end."""

    def start(self, start: Event, context: Context) -> Span | None:
        """Have no SDK span."""
        return None

    def end(self, span: Span, end: Event) -> None:
        """Have nothing to end."""


_factory: Callable[[], Tracing] = Untraced


def use(factory: Callable[[], Tracing]) -> None:
    """Let *factory* decide how this process traces; the plugin ``otel`` calls this."""
    global _factory
    _factory = factory


def decide() -> Tracing:
    """Return how this process traces now. May import the SDK and build providers."""
    return _factory()
