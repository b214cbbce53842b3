"""Carrying ids to where Python does not: threads of pools, and processes that are started."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import copy_context
from typing import ParamSpec, TypeVar

from opentelemetry import trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from flowstone.runtime import roots
from flowstone.runtime.context import get_context

P = ParamSpec("P")
T = TypeVar("T")


def carry(function: Callable[P, T]) -> Callable[P, T]:
    """Return *function* so that it runs inside of what is around this call, in whatever thread it is called.

    Threads of a pool begin outside of everything; ``pool.submit(flowstone.carry(work), item)`` keeps run, trace and
    correlation id. May be called many times, and at once. What it changes in context variables stays with each call.

    Args:
        function: What is to be called elsewhere in this process. For other processes see ``environment``.
    """
    around = copy_context()

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        return around.copy().run(function, *args, **kwargs)

    return call


def environment() -> dict[str, str]:
    """Return the variables by which a process goes on in the trace, and under the correlation id, around this call.

    ``subprocess.run(command, env={**os.environ, **flowstone.environment()})``: ``TRACEPARENT``, ``TRACESTATE`` and
    ``BAGGAGE`` in the forms of the W3C, as OpenTelemetry reads them; empty where nothing is around.
    """
    context = get_context()
    above = trace.get_current_span(context).get_span_context()
    whose = roots.correlation_in(context, above.trace_id if above.is_valid else 0)
    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier, context)
    W3CBaggagePropagator().inject(carrier, roots.correlated(context, whose) if whose else context)
    return {key.upper(): value for key, value in carrier.items()}
