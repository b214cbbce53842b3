"""The way that ended spans take through exporters of our own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

from opentelemetry.context import Context
from opentelemetry.trace import SpanKind

from flowstone.runtime.export.config import Config
from flowstone.runtime.export.data import Scope, SpanData
from flowstone.runtime.export.encode import encode_span
from flowstone.runtime.export.routes import ask, parent_sampled
from flowstone.runtime.export.sender import Sender
from flowstone.runtime.export.sinks import span_sink

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.sampling import Sampler

    from flowstone.runtime.export.own_provider import OwnProvider


class OwnRoute:
    """Exporters of our own, as ``OTEL_*`` configures them."""

    def __init__(self, config: Config, scope: Scope, provider: OwnProvider | None) -> None:
        self._config = config
        self._provider = provider
        self._sampler: Sampler | None = provider.sampler if provider is not None else None
        self._senders: list[Sender[SpanData | bytes]] = [
            Sender(
                partial(span_sink, name, config, scope),
                delay=config.spans.delay,
                batch=config.spans.batch,
                limit=config.spans.queue,
            )
            for name in config.traces
        ]

    def sampled(
        self, context: Context, trace_id: int, name: str, kind: SpanKind, attributes: Mapping[str, object]
    ) -> bool:
        """Ask the configured sampler; the default one needs no SDK."""
        if not self._config.sampler:
            return parent_sampled(context)
        if self._sampler is None:
            from opentelemetry.sdk.trace import TracerProvider

            self._sampler = TracerProvider(shutdown_on_exit=False).sampler
        return ask(self._sampler, context, trace_id, name, kind, attributes)

    @property
    def takes_bytes(self) -> bool:
        """Whether all exporters are built, and take bytes."""
        return all(getattr(sender.sink, "encoded", False) for sender in self._senders)

    def export(self, spans: Sequence[SpanData]) -> None:
        """Queue *spans* within the limits, encoded for the exporters that take bytes."""
        spans = [self._config.limits.span(span) for span in spans]
        encoded: list[bytes] = []
        for sender in self._senders:
            if getattr(sender.sink, "encoded", False):
                encoded = encoded or [encode_span(span) for span in spans]
                sender.put(encoded)
            else:
                sender.put(spans)

    def export_encoded(self, spans: Sequence[bytes]) -> None:
        """Queue encoded *spans*."""
        for sender in self._senders:
            sender.put(spans)

    def flush(self, timeout: float) -> bool:
        """Send what is queued, and other libraries' spans."""
        deadline = monotonic() + timeout
        complete = [sender.flush(max(0.0, deadline - monotonic())) for sender in self._senders]
        if self._provider is not None:
            complete.append(self._provider.hand_over.deliver(max(0.0, deadline - monotonic())))
        return all(complete)

    def close(self, timeout: float) -> bool:
        """Send what is queued, and end."""
        deadline = monotonic() + timeout
        complete = [sender.close(max(0.0, deadline - monotonic())) for sender in self._senders]
        if self._provider is not None:
            complete.append(self._provider.hand_over.close(max(0.0, deadline - monotonic())))
        return all(complete)
