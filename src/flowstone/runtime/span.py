"""The OpenTelemetry face of an operation: it *is* an ``opentelemetry.trace.Span``."""

from __future__ import annotations

from collections.abc import Mapping
from time import time_ns
from typing import Final

from opentelemetry import trace
from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags, TraceState
from opentelemetry.util import types

from flowstone.runtime import coerce
from flowstone.runtime.failure import Failure
from flowstone.runtime.scope import Scope
from flowstone.runtime.stats import count

MAX_EVENTS: Final = 128
MAX_LINKS: Final = 128


class OperationSpan(trace.Span):
    """What user code may do with the current span; kept as it comes, rendered in the drain.

    The class attributes are the defaults of what few operations ever set.
    """

    scope: Scope
    span_id: int = 0
    ended: bool = False
    extra: dict[str, object] | None = None
    span_name: str = ""
    marks: list[tuple[str, int, dict[str, object]]] | None = None
    span_links: list[tuple[int, int, dict[str, object]]] | None = None
    description: str | None = None
    inner: trace.Span | None = None
    _context: SpanContext | None = None

    def get_span_context(self) -> SpanContext:
        """Return trace and span id, the sampled flag, and the trace state that came in."""
        context = self._context
        if context is None:
            scope = self.scope
            context = self._context = SpanContext(
                scope.trace_id,
                self.span_id,
                is_remote=False,
                trace_flags=TraceFlags(TraceFlags.SAMPLED if scope.sampled else TraceFlags.DEFAULT),
                trace_state=TraceState.from_header([scope.trace_state]) if scope.trace_state else None,
            )
        return context

    def set_attribute(self, key: str, value: types.AttributeValue) -> None:
        """Set one attribute; ignored after the end."""
        if self.ended:
            return
        if self.inner is not None:
            for name, clean in coerce.attributes({key: value}).items():
                self.inner.set_attribute(name, clean)
        kind = type(value)
        extra = self.extra
        if extra is None:
            extra = self.extra = {}
        elif len(extra) >= coerce.MAX_ATTRIBUTES and key not in extra:
            count("value.cut")
            return
        if kind is int or kind is float or kind is bool or (kind is str and len(value) <= coerce.TEXT_LIMIT):  # type: ignore[arg-type]
            extra[key] = value
        else:
            extra[coerce.text(key, coerce.NAME_LIMIT)] = coerce.value(value)

    def set_attributes(self, attributes: Mapping[str, types.AttributeValue]) -> None:
        """Set several attributes."""
        for key, value in attributes.items():
            self.set_attribute(key, value)

    def add_event(self, name: str, attributes: types.Attributes = None, timestamp: int | None = None) -> None:
        """Mark a moment: *timestamp* is Unix nanoseconds, now if not given."""
        if self.ended:
            return
        if self.inner is not None:
            self.inner.add_event(
                coerce.text(name, coerce.NAME_LIMIT), coerce.attributes(attributes or {}), timestamp
            )
        if self.marks is None:
            self.marks = []
        if len(self.marks) >= MAX_EVENTS:
            count("value.cut")
            return
        kept = coerce.snapshot(attributes) if attributes else {}
        at = coerce.whole(timestamp) or time_ns()
        self.marks.append((coerce.text(name, coerce.NAME_LIMIT), at, kept))

    def add_link(self, context: SpanContext, attributes: types.Attributes = None) -> None:
        """Point to another span."""
        if self.ended or not context.is_valid:
            return
        if self.inner is not None:
            self.inner.add_link(context, coerce.attributes(attributes or {}))
        if self.span_links is None:
            self.span_links = []
        if len(self.span_links) >= MAX_LINKS:
            count("value.cut")
            return
        kept = coerce.snapshot(attributes) if attributes else {}
        self.span_links.append((context.trace_id, context.span_id, kept))

    def update_name(self, name: str) -> None:
        """Rename the span; the operation keeps its own name."""
        if not self.ended:
            self.span_name = coerce.text(name, coerce.NAME_LIMIT)
            if self.inner is not None:
                self.inner.update_name(self.span_name)

    def is_recording(self) -> bool:
        """Tell whether what is set on the span is still kept."""
        return not self.ended

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Mark the operation as failed (ERROR), or take that back (OK)."""
        if self.ended:
            return
        code = status.status_code if isinstance(status, Status) else status
        text = status.description if isinstance(status, Status) else description
        if code is StatusCode.ERROR:
            self.description = coerce.text(text or "")
        elif code is StatusCode.OK:
            self.description = None

    def record_exception(
        self,
        exception: BaseException,
        attributes: types.Attributes = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        """Keep an exception that the operation survives, as a span event ``exception``."""
        if self.ended:
            return
        error = Failure(exception).render()
        kept: dict[str, types.AttributeValue] = {
            "exception.type": error.type,
            "exception.message": error.message,
            "exception.stacktrace": error.stack,
            "exception.escaped": str(escaped),
        }
        self.add_event("exception", {**kept, **(attributes or {})}, timestamp)
