"""The slower path, taken only where somebody must hear at once: synchronous hooks, or a foreign tracer provider."""

from __future__ import annotations

from contextlib import suppress
from time import perf_counter_ns, time_ns
from types import TracebackType
from typing import Any

from opentelemetry.context import Context

from flowstone.dispatch.wall import CALLER_BUDGET_NS
from flowstone.runtime import lane, roots
from flowstone.runtime.attention import attention
from flowstone.runtime.context import (
    OPERATION_KEY,
    SPAN_KEY,
    get_context,
    put,
    reset_context,
    set_context,
)


def enter(operation: Any) -> Any:
    """Enter an operation: like ``Operation.__enter__``, with SDK span and synchronous hooks."""
    context = get_context()
    if not roots.adopt(operation, context):
        return operation
    operation.epoch = attention.epoch
    operation.start_cpu()
    operation.start_time = time_ns()
    operation.started = perf_counter_ns()
    announce(operation, context)
    inside = Context(context)
    put(inside, OPERATION_KEY, operation)
    put(inside, SPAN_KEY, operation.inner or operation)
    operation.token = set_context(inside)
    lane.leave(operation)
    return operation


def leave(
    operation: Any,
    kind: type[BaseException] | None,
    error: BaseException | None,
    traceback: TracebackType | None,
) -> None:
    """Leave an operation: like ``Operation.__exit__``, with SDK span and synchronous hooks."""
    token, operation.token = operation.token, None
    if token is None:
        return
    try:
        reset_context(token)
    except ValueError:
        roots.leave(operation, token)
    operation.finish(error)


def announce(operation: Any, context: Context) -> None:
    """Start the operation's SDK span where one is needed, and tell synchronous listeners of its start."""
    if not attention.needed():
        return
    event = operation.made_start = operation.start_event()  # the drain need not make it again
    if attention.tracing.compat:
        with suppress(Exception):  # a foreign processor must not break the pipeline
            operation.inner = attention.tracing.start(event, context)
        if operation.inner is not None:
            made = operation.inner.get_span_context()
            operation.scope.sampled = made.trace_flags.sampled
            operation._context = made
    notify(event)


def conclude(operation: Any) -> None:
    """End the operation's SDK span, and tell synchronous listeners of its end."""
    if operation.inner is None and not attention.notifiers:
        return
    event = operation.made_end = operation.end_event()
    if operation.inner is not None:
        with suppress(Exception):
            attention.tracing.end(operation.inner, event)
    notify(event)


def notify(event: Any) -> None:
    """Tell the synchronous listeners of *event*."""
    tell = attention.notifiers.get(event.name)
    if tell is None:
        return
    began = perf_counter_ns()
    tell(event)
    if perf_counter_ns() - began > CALLER_BUDGET_NS and attention.on_overrun is not None:
        attention.on_overrun(event.name)
