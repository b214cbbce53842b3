"""The identity of a host's run, the same in each of its processes."""

from __future__ import annotations

from opentelemetry import trace
from opentelemetry.context import Context
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
    context = Context()
    above = None
    if traceparent:
        context = TraceContextTextMapPropagator().extract({"traceparent": traceparent}, context)
        above = trace.get_current_span(context).get_span_context()
    inherited = above is not None and above.is_valid
    trace_id = above.trace_id if above is not None and inherited else identity.derive_trace_id(
        orchestrator, deployment, run_id
    )
    sampled = roots.sampled(context, trace_id, "run") if engine.ensure() else False
    return Scope(
        trace_id,
        correlation_id=correlation(correlation_id) if correlation_id else "",
        run_id=coerce.text(run_id, coerce.NAME_LIMIT),
        pipeline=coerce.text(pipeline, coerce.NAME_LIMIT),
        orchestrator=orchestrator,
        sampled=sampled,
        remote=inherited,
        parent_id=above.span_id if above is not None and inherited else 0,
    )
