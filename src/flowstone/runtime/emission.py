"""Emitting points: events without an end, from face, plugins and hosts."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from time import time_ns

from flowstone.catalogue.event import Event
from flowstone.catalogue.registry import name_of
from flowstone.runtime import attended, coerce, engine, lane, roots
from flowstone.runtime.attention import attention
from flowstone.runtime.context import OPERATION_KEY, get_context
from flowstone.runtime.identity import new_span_id
from flowstone.runtime.inherited import with_inherited
from flowstone.runtime.point import Point
from flowstone.runtime.scope import Scope
from flowstone.runtime.stats import count


def emit(
    event_class: type[Event],
    fields: Mapping[str, object],
    *,
    scope: Scope | None = None,
    span_id: int = 0,
    parent_id: int = 0,
    time: int = 0,
    name: str = "",
) -> Point | None:
    """Queue an event of *event_class*; return its record, or None where flowstone is switched off; never raises.

    Args:
        event_class: A class of the catalogue.
        fields: Its own fields; identity fields among them override the rest.
        scope: Identity given by a host; the caller's if not given.
        span_id: 64-bit id of the event's span; a random one if 0.
        parent_id: 64-bit id of the parent's span, with *scope*.
        time: Unix nanoseconds; now if 0.
        name: The event's name where the class leaves it open.
    """
    try:
        return _emit(event_class, fields, scope, span_id, parent_id, time, name)
    except Exception:  # a mistake of ours, or in what the caller gave, must not reach the pipeline
        count(f"event.dropped.{name or name_of(event_class)}")
        return None


def _emit(
    event_class: type[Event],
    fields: Mapping[str, object],
    scope: Scope | None,
    span_id: int,
    parent_id: int,
    time: int,
    name: str,
) -> Point | None:
    if not engine.ensure():
        return None
    fields = coerce.held(fields)
    if scope is None:
        context = get_context()
        scope, parent_id = roots.scope_in(context, event_class.subject, spanned=True)
        fields = fields if OPERATION_KEY in context else with_inherited(fields, context)
    point = Point(
        event_class,
        scope,
        time=time or time_ns(),
        span_id=span_id or new_span_id(),
        parent_id=parent_id,
        fields=fields,
        name=name,
    )
    if attention.needed():
        _attend(point)
    lane.leave(point)
    return point


def _attend(point: Point) -> None:
    event = point.event()
    if attention.tracing.compat:
        with suppress(Exception):  # a foreign processor must not break the pipeline
            span = attention.tracing.start(event, get_context())
            if span is not None:
                sampled = span.get_span_context().trace_flags.sampled
                if event.sampled is not sampled:  # a sampler may have said no
                    event = point.rendered = replace(event, sampled=sampled)
                attention.tracing.end(span, event)
    attended.notify(event)
