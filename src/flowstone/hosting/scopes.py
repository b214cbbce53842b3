"""The identity of a host's run, the same in each of its processes."""

from __future__ import annotations

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanContext
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from flowstone.runtime import coerce, engine, identity, roots
from flowstone.runtime.scope import Scope, correlation


def scope(
    orchestrator: str,
    run_id: str,
    *,
    deployment: str = "",
    pipeline: str = "",
    correlation_id: str | None = None,
    traceparent: str | None = None,
) -> Scope:
    """Return the scope of a host's run.

    Args:
        orchestrator: The host's name.
        run_id: The run's id in the host.
        deployment: Tells apart hosts that count their runs alike.
        pipeline: Name of the DAG, job or flow.
        correlation_id: What the host carries; derived from the trace if not given.
        traceparent: W3C trace parent that the host carries; else the trace id is derived from
            orchestrator, deployment and run id.
    """
    above, context = _inbound(traceparent)
    trace_id = above.trace_id if above else identity.derive_trace_id(orchestrator, deployment, run_id)
    return Scope(
        trace_id,
        correlation_id=correlation(correlation_id) if correlation_id else "",
        run_id=coerce.text(run_id, coerce.NAME_LIMIT),
        pipeline=coerce.text(pipeline, coerce.NAME_LIMIT),
        orchestrator=orchestrator,
        sampled=engine.ensure() and roots.sampled(context, trace_id, "run"),
        remote=above is not None,
        parent_id=above.span_id if above else 0,
    )


def _inbound(traceparent: str | None) -> tuple[SpanContext | None, Context]:
    """Return the span context that *traceparent* holds, None if it is none, and the context with it."""
    if not traceparent:
        return None, Context()
    context = TraceContextTextMapPropagator().extract({"traceparent": traceparent}, Context())
    above = trace.get_current_span(context).get_span_context()
    return (above if above.is_valid else None), context
