"""The ids of the active span on every log record, whichever library it comes from."""

from __future__ import annotations

import logging

from opentelemetry.context import Context
from opentelemetry.trace import Span

from flowstone.runtime.context import SPAN_KEY, get_context, operation_in
from flowstone.runtime.roots import correlation_in
from flowstone.runtime.span import OperationSpan


class IdFilter(logging.Filter):
    """Stamps ``correlation_id``, ``run_id``, ``trace_id`` and ``span_id`` on records made inside an operation, or a span of the user's.

    To be added to handlers: filters of loggers do not see the records of their children. What a
    record has already stays; it is stamped after it was made, so ``extra=`` never clashes. Lets
    every record pass.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Stamp *record*; always True."""
        context = get_context()
        span, operation = context.get(SPAN_KEY), operation_in(context)
        if not isinstance(operation, OperationSpan):
            if isinstance(span, Span):
                _stamp_span(record, context, span, None)
        elif span is operation or span is operation.inner or not isinstance(span, Span):
            scope = operation.scope
            _stamp(record, scope.correlation_id, scope.run_id, scope.trace_hex, f"{operation.span_id:016x}")
        else:
            _stamp_span(record, context, span, operation)
        return True


def _stamp_span(
    record: logging.LogRecord, context: Context, span: Span, operation: OperationSpan | None
) -> None:
    """Stamp the ids of a span of somebody else's, and whose it is."""
    active = span.get_span_context()
    if active.is_valid:
        _stamp(
            record,
            correlation_in(context, active.trace_id),
            operation.scope.run_id if operation is not None else None,
            f"{active.trace_id:032x}",
            f"{active.span_id:016x}",
        )
    elif operation is not None:
        scope = operation.scope
        _stamp(record, scope.correlation_id, scope.run_id, scope.trace_hex, f"{operation.span_id:016x}")


def _stamp(
    record: logging.LogRecord, correlation_id: str, run_id: str | None, trace_id: str, span_id: str
) -> None:
    has = record.__dict__
    has.setdefault("correlation_id", correlation_id)
    if run_id is not None:
        has.setdefault("run_id", run_id)
    has.setdefault("trace_id", trace_id)
    has.setdefault("span_id", span_id)
