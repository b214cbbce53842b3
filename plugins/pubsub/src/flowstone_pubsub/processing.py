"""The span of what a subscriber does with a message, linked to the span in which it was sent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context, attach, detach, get_current

from flowstone.plugin import CORRELATION_ID, correlated, correlation_in, redact
from flowstone_pubsub.message import Message
from flowstone_pubsub.sending import SCOPE
from flowstone_pubsub.topics import template_of

_TRACEPARENT: Final = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


@contextmanager
def processing(message: Message) -> Iterator[trace.Span]:
    """Have a consumer span around what is done with *message*, linked to where it comes from.

    It is no child of the sender's span: a message has many consumers, and some come days later. What is raised
    inside is noted on the span and passes through. Where nothing else gives a correlation id, what happens inside
    has the message's: the span, operations and messages of one's own, and those of services that are asked.
    """
    template = template_of(message.topic)
    attributes = {
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.system": "flowstone",
        "messaging.destination.name": redact(message.topic),
        "messaging.destination.template": template,
        "messaging.message.id": message.id,
    }
    tracer = trace.get_tracer(SCOPE)
    with (
        _correlated(message.correlation_id) as inside,
        tracer.start_as_current_span(
            f"process {template}",
            kind=trace.SpanKind.CONSUMER,
            attributes=attributes,
            links=_links_of(message),
        ) as span,
    ):
        whose = correlation_in(inside, span.get_span_context().trace_id)
        if whose:
            span.set_attribute(CORRELATION_ID, whose)
        yield span


@contextmanager
def _correlated(correlation_id: str) -> Iterator[Context]:
    around = get_current()
    if not correlation_id or correlation_in(around):
        yield around
        return
    inside = correlated(around, correlation_id)
    token = attach(inside)
    try:
        yield inside
    finally:
        detach(token)


def _links_of(message: Message) -> list[trace.Link]:
    match = _TRACEPARENT.fullmatch(message.envelope.traceparent)
    if match is None:
        return []
    context = trace.SpanContext(
        int(match[1], 16), int(match[2], 16), is_remote=True, trace_flags=trace.TraceFlags(int(match[3], 16))
    )
    return [trace.Link(context)] if context.is_valid else []
