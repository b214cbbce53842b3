"""Where operations get their identity that have no flowstone parent right above them."""

from __future__ import annotations

import os
from contextvars import Token
from typing import Any, Final

from opentelemetry import baggage, trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanContext

from flowstone.runtime import engine, identity
from flowstone.runtime.attention import attention
from flowstone.runtime.context import OPERATION_KEY, SPAN_KEY, get_context, operation_in, set_context
from flowstone.runtime.inherited import inherit
from flowstone.runtime.scope import CORRELATION_ID, Scope, correlation
from flowstone.runtime.span import OperationSpan
from flowstone.runtime.stats import count
from flowstone.runtime.variables import Variables

_INTERNAL: Final = trace.SpanKind.INTERNAL
_TRACEPARENT: Final = Variables("TRACEPARENT")


def adopt(operation: Any, context: Context, *, spanned: bool = False) -> bool:
    """Give *operation* scope, parent and span id; return False where flowstone is switched off.

    In this order: what the host gave; the flowstone operation around it; another library's span
    around it; ``TRACEPARENT`` of the environment; a new trace.
    """
    if not engine.ensure():
        return False
    if operation.scope is None:
        if context.get(OPERATION_KEY) is None:
            inherit(operation, context)
        operation.scope, parent_id = scope_in(context, operation.subject, spanned=spanned)
        operation.parent_id = operation.parent_id or parent_id
    operation.span_id = operation.span_id or identity.new_span_id()
    return True


def scope_in(context: Context, name: str, *, spanned: bool = False) -> tuple[Scope, int]:
    """Return the scope that begins or goes on in *context*, and the parent's span id (0 at a root).

    Args:
        context: Where.
        name: What begins.
        spanned: Whether the caller goes on to begin its SDK span, where this process has such: the
            sampler is asked there, knows the span's name and attributes, and must not be asked twice.
    """
    outer: OperationSpan | None = context.get(OPERATION_KEY)  # type: ignore[assignment]
    span = context.get(SPAN_KEY)
    if outer is not None and (span is outer or span is None or span is outer.inner):
        return outer.scope, outer.span_id
    above = span.get_span_context() if span is not None and isinstance(span, trace.Span) else None
    if above is None or not above.is_valid:
        context, above = _inbound(context)
    if above is not None and outer is not None and outer.scope.trace_id == above.trace_id:
        return outer.scope, above.span_id
    made = _new_scope(context, above, outer)
    if spanned and attention.tracing.compat:
        made.sampled = above is None or above.trace_flags.sampled  # until the span says
    else:
        made.sampled = sampled(context, made.trace_id, name)
    return made, above.span_id if above is not None else 0


def _new_scope(context: Context, above: SpanContext | None, outer: OperationSpan | None) -> Scope:
    given = baggage.get_baggage(CORRELATION_ID, context) if context else None
    trace_id = above.trace_id if above is not None else identity.new_trace_id()
    return Scope(
        trace_id,
        correlation_id=correlation(given) if given else outer.scope.correlation_id if outer else "",
        run_id=outer.scope.run_id if outer is not None else "",
        pipeline=outer.scope.pipeline if outer is not None else "",
        orchestrator=outer.scope.orchestrator if outer is not None else "python",
        remote=above is not None and above.is_remote,
        trace_state=above.trace_state.to_header() if above is not None and above.trace_state else "",
    )


def correlation_in(context: Context, trace_id: int = 0) -> str:
    """Return the correlation id of what happens in *context*: the operation's, or what came in as baggage.

    Args:
        context: Where.
        trace_id: The trace it is in; where there is neither, this one's default. 0 for none: then empty.
    """
    outer = operation_in(context)
    if outer is not None:
        return outer.scope.correlation_id
    given = baggage.get_baggage(CORRELATION_ID, context)
    if given:
        return correlation(given)
    return identity.correlation_of_trace(trace_id) if trace_id else ""


def correlated(context: Context, correlation_id: str) -> Context:
    """Return *context* with a correlation id for what begins in it, here and in those that are asked from here."""
    return baggage.set_baggage(CORRELATION_ID, correlation(correlation_id), context)


def sampled(context: Context, trace_id: int, name: str) -> bool:
    """Ask the process's sampler about a trace that begins here; a sampler that raises means yes."""
    try:
        return attention.tracing.decide(context, trace_id, name, _INTERNAL, {})
    except Exception:  # a user's sampler must not break the pipeline
        return True


def _inbound(context: Context) -> tuple[Context, SpanContext | None]:
    """Return the context and span context that the environment carries in."""
    if not _TRACEPARENT.read()[0]:
        return context, None
    carrier = {
        key.lower(): os.environ[key] for key in ("TRACEPARENT", "TRACESTATE", "BAGGAGE") if key in os.environ
    }
    try:
        from opentelemetry import propagate  # dear: it looks for entry points

        inbound = propagate.extract(carrier, context)
    except Exception:  # OTEL_PROPAGATORS names one that is not installed, or a foreign one fails
        count("context.unextracted")
        inbound = _of_w3c(carrier, context)
    above = trace.get_current_span(inbound).get_span_context()
    return inbound, above if above.is_valid else None


def _of_w3c(carrier: dict[str, str], context: Context) -> Context:
    from opentelemetry.baggage.propagation import W3CBaggagePropagator
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return W3CBaggagePropagator().extract(carrier, TraceContextTextMapPropagator().extract(carrier, context))


def leave(operation: OperationSpan, token: Token[Context]) -> None:
    """Restore the context where the token belongs to another one: only if it is still ours."""
    if get_context().get(OPERATION_KEY) is operation:
        outside = token.old_value
        set_context(outside if isinstance(outside, Context) else Context())
