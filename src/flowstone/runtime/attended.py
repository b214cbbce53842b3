"""The slower path, taken only where somebody must hear at once: synchronous hooks, or a foreign tracer provider."""

from __future__ import annotations

from contextlib import suppress
from copy import copy
from time import perf_counter_ns, time_ns
from types import TracebackType
from typing import Any

from opentelemetry.context import Context
from opentelemetry.trace import SpanContext

from flowstone.dispatch.wall import CALLER_BUDGET_NS
from flowstone.runtime import engine, lane, roots
from flowstone.runtime.attention import attention
from flowstone.runtime.context import (
    OPERATION_KEY,
    SPAN_KEY,
    get_context,
    put,
    reset_context,
    set_context,
)
from flowstone.runtime.identity import new_span_id


def enter(operation: Any) -> Any:
    """Enter an operation: like ``Operation.__enter__``, with SDK span and synchronous hooks."""
    context = get_context()
    parent: Any = context.get(OPERATION_KEY)
    if (
        parent is not None
        and operation.scope is None
        and context.get(SPAN_KEY) is (parent.inner or parent)
        and engine.ensure()
    ):
        operation.scope = parent.scope
        operation.parent_id = operation.parent_id or parent.span_id
        operation.span_id = operation.span_id or new_span_id()
    elif operation.ended or operation.token is not None:
        return operation.enter_again()
    elif not roots.adopt(operation, context, spanned=True):
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
        operation.leave_again(kind, error, traceback)
        return
    try:
        reset_context(token)
    except ValueError:
        roots.leave(operation, token)
    operation.finish(error)


def announce(operation: Any, context: Context) -> None:
    """Start the operation's SDK span where one is needed, and tell synchronous listeners of its start.

    The event is made here only where a listener wants it; else by the drain, as on the fast path.
    """
    if attention.tracing.compat:
        try:
            operation.inner = attention.tracing.begin(operation, context)
        except Exception:  # a foreign processor must not break the pipeline
            operation.inner = None
        if operation.inner is not None:
            _take_over(operation, operation.inner.get_span_context())
    if attention.notifiers and f"{operation.subject}.start" in attention.notifiers:
        operation.made_start = operation.start_event()
        notify(operation.made_start)


def _take_over(operation: Any, made: SpanContext) -> None:
    """Let *operation* be what the SDK made of it: a sampler may have said no to it, and so to all below it."""
    operation._context = made
    if operation.scope.sampled is not made.trace_flags.sampled:
        operation.scope = copy(operation.scope)  # what is beside it shares the one it had
        operation.scope.sampled = made.trace_flags.sampled


def conclude(operation: Any) -> None:
    """End the operation's SDK span, and tell synchronous listeners of its end."""
    wanted, subject = attention.notifiers, operation.subject
    event = None
    if wanted and (f"{subject}.stop" in wanted or f"{subject}.exception" in wanted):
        event = operation.made_end = operation.end_event()
    if operation.inner is not None:
        with suppress(Exception):
            attention.tracing.finish(operation.inner, operation)
        operation.inner = None  # the SDK span would live as long as the record waits for the drain
    if event is not None:
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
