"""The span of what a subscriber does with a message, linked to the span in which it was sent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from opentelemetry import trace

from flowstone.plugin import redact
from flowstone_pubsub.message import Message
from flowstone_pubsub.sending import SCOPE
from flowstone_pubsub.topics import template_of

_TRACEPARENT: Final = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


@contextmanager
def processing(message: Message) -> Iterator[trace.Span]:
    """Have a consumer span around what is done with *message*, linked to where it comes from.

    It is no child of the sender's span: a message has many consumers, and some come days later. What is raised
    inside is noted on the span and passes through.
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
    with tracer.start_as_current_span(
        f"process {template}", kind=trace.SpanKind.CONSUMER, attributes=attributes, links=_links_of(message)
    ) as span:
        yield span


def _links_of(message: Message) -> list[trace.Link]:
    match = _TRACEPARENT.fullmatch(message.envelope.traceparent)
    if match is None:
        return []
    context = trace.SpanContext(
        int(match[1], 16), int(match[2], 16), is_remote=True, trace_flags=trace.TraceFlags(int(match[3], 16))
    )
    return [trace.Link(context)] if context.is_valid else []
