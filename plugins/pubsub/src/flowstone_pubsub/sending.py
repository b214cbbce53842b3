"""The spans in which broadcasts are sent: made behind the caller's back, when what was left is put into its envelope.

Lifecycle events have none: each is told in a span of its own already, which its envelope names.
"""

from __future__ import annotations

from collections.abc import Iterable
from time import time_ns
from typing import Final

from opentelemetry import trace

from flowstone.plugin import CORRELATION_ID, Event, correlation_in, count, redact
from flowstone_pubsub import payloads
from flowstone_pubsub.engines.base import Outgoing
from flowstone_pubsub.payloads import Caught
from flowstone_pubsub.topics import is_topic, template_of

SCOPE: Final = "flowstone_pubsub"
_ERROR: Final = "error.type"


class Sending:
    """Makes broadcasts ready for the log, each in a span ``send`` from the call until the log has it.

    Used by one thread at a time, which the outbox sees to.

    Args:
        wanted: Whether there are to be spans; where not, envelopes name the span that the caller was in.
    """

    def __init__(self, *, wanted: bool) -> None:
        self._wanted = wanted
        self._open: dict[str, trace.Span] = {}  # by the record's id

    def begun(self, caught: Caught) -> Outgoing | None:
        """Return a broadcast as it goes into the log; None where its topic is none.

        Raises:
            TypeError: It holds what has no JSON form.
        """
        topic, event, time, context = caught
        if not is_topic(topic):
            count("pubsub.refused.topic")
            return None
        id = payloads.new_id(time)
        above = trace.get_current_span(context).get_span_context()
        span = self._span(caught, id, above) if self._wanted else None
        if span is not None:
            sender = span.get_span_context()
        else:  # an event belongs to a span itself
            sender = trace.INVALID_SPAN_CONTEXT if isinstance(event, Event) else above
        whose = correlation_in(context, (sender if sender.is_valid else above).trace_id)
        made = payloads.broadcast(caught, id, sender, whose)
        if span is not None and span.is_recording():
            self._open[id] = span
        return made

    def _span(self, caught: Caught, id: str, above: trace.SpanContext) -> trace.Span | None:
        topic, _, time, context = caught
        template = template_of(topic)
        attributes = {
            "messaging.operation.type": "send",
            "messaging.operation.name": "send",
            "messaging.system": "flowstone",
            "messaging.destination.name": redact(topic),
            "messaging.destination.template": template,
            "messaging.message.id": id,
        }
        try:
            span = trace.get_tracer(SCOPE).start_span(
                f"send {template}", context, trace.SpanKind.PRODUCER, attributes, start_time=time
            )
            found = span.get_span_context()
            span.set_attribute(CORRELATION_ID, correlation_in(context, found.trace_id))
        except Exception:  # a foreign sampler or processor
            count("pubsub.span.failed")
            return None
        # Without a provider it is the caller's again, or none.
        return span if found.is_valid and found.span_id != above.span_id else None

    def sent(self, batch: Iterable[Outgoing]) -> None:
        """End the spans of *batch*, which the log has."""
        self._end(batch, "")

    def lost(self, batch: Iterable[Outgoing], why: str) -> None:
        """End the spans of *batch*, which the log will never have."""
        self._end(batch, why)

    def _end(self, batch: Iterable[Outgoing], why: str) -> None:
        if not self._open:
            return
        now = time_ns()
        for one in batch:
            span = self._open.pop(one.id, None)
            if span is None:
                continue
            try:
                if why:
                    span.set_attribute(_ERROR, why)
                    span.set_status(trace.StatusCode.ERROR, why)
                span.end(now)
            except Exception:  # a foreign processor
                count("pubsub.span.failed")
