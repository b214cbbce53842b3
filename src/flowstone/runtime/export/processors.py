"""The span processors of ours. Imports the SDK; import this module late."""

from __future__ import annotations

import os
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

from opentelemetry.context import Context, get_current
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from flowstone.runtime.context import operation_in
from flowstone.runtime.export.config import Config
from flowstone.runtime.export.exporters import span_exporter
from flowstone.runtime.export.sender import Sender
from flowstone.runtime.export.sinks import SdkSpanSink
from flowstone.runtime.scope import CORRELATION_ID, RUN_ID

if TYPE_CHECKING:
    from flowstone.runtime.scope import Scope

SCOPE = "flowstone"


class StampIds(SpanProcessor):
    """Puts correlation and run id on every span, so that other libraries' spans are found with ours."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Stamp *span* with the ids of the operation it is started in."""
        made_by = span.instrumentation_scope
        if made_by is not None and made_by.name == SCOPE:
            return  # our own has its ids from its start, and an inner run's are not those around it
        operation = operation_in(get_current() if parent_context is None else parent_context)
        if operation is None:
            return
        scope: Scope = operation.scope
        span.set_attribute(CORRELATION_ID, scope.correlation_id)
        if scope.run_id:
            span.set_attribute(RUN_ID, scope.run_id)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Have nothing to flush. The base class of older SDKs says None, for which they skip all that come after."""
        return True


def _sink(name: str, config: Config) -> SdkSpanSink | None:
    exporter = span_exporter(name, config)
    return SdkSpanSink(exporter) if exporter is not None else None


class HandOver(SpanProcessor):
    """Exports other libraries' spans, where the global provider is ours.

    In place of the SDK's batch processor, whose flush and shutdown are not bounded and whose
    connection a forked child would share with its parent.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._pid = 0
        self._senders: list[Sender[ReadableSpan]] = []

    def on_end(self, span: ReadableSpan) -> None:
        """Queue *span* if it is sampled."""
        if span.context is None or not span.context.trace_flags.sampled:
            return
        if self._pid != os.getpid():
            self._build()
        for sender in self._senders:
            sender.put((span,))

    def _build(self) -> None:
        config = self._config
        own = config.spans
        self._senders = [
            Sender(partial(_sink, name, config), delay=own.delay, batch=own.batch, limit=own.queue)
            for name in config.traces
        ]
        self._pid = os.getpid()

    def _living(self) -> list[Sender[ReadableSpan]]:
        return self._senders if self._pid == os.getpid() else []

    def deliver(self, timeout: float) -> bool:
        """Export what is queued; True if the receivers took it within *timeout* seconds."""
        deadline = monotonic() + timeout
        complete = [sender.flush(max(0.0, deadline - monotonic())) for sender in self._living()]
        return all(complete)

    def close(self, timeout: float) -> bool:
        """Export what is queued, and end."""
        deadline = monotonic() + timeout
        complete = [sender.close(max(0.0, deadline - monotonic())) for sender in self._living()]
        return all(complete)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Do what *deliver* does, in the SDK's words."""
        return self.deliver(timeout_millis / 1000)

    def shutdown(self) -> None:
        """Do what *close* does, within the time-out of one export."""
        self.close(self._config.traces_timeout or 3.0)
