"""What is broadcast, as it was at that moment: caught on the caller, cleaned and put into its envelope later."""

from __future__ import annotations

import json
import os
from time import time_ns
from typing import Any, Final, NamedTuple

import orjson
from opentelemetry import trace

from flowstone.plugin import Event, count, is_secret, redact, to_dict
from flowstone_pubsub import envelope
from flowstone_pubsub.engines.base import LOST_TOPIC, Outgoing
from flowstone_pubsub.topics import topics_of

_MARK: Final = "[redacted]"
_MOST_DEPTH: Final = 64
_OPTIONS: Final = orjson.OPT_NON_STR_KEYS


class Caught(NamedTuple):
    """A broadcast that waits to be put into its envelope.

    Attributes:
        topic: Where it goes.
        event: An event, which nobody can change; or anything else, as JSON already.
        time: Unix nanoseconds.
        context: The span it was broadcast in.
    """

    topic: str
    event: Event | bytes
    time: int
    context: trace.SpanContext


Entry = Event | Caught
"""A lifecycle event, which goes to its own topics; or what was broadcast."""


def catch(topic: str, event: Any) -> Caught:
    """Return what is broadcast, so that what the caller changes afterwards does not change it."""
    return Caught(
        topic,
        event if isinstance(event, Event) else _as_json(event),
        time_ns(),
        trace.get_current_span().get_span_context(),
    )


def _as_json(value: Any) -> bytes:
    try:
        return orjson.dumps(value, None, _OPTIONS)
    except TypeError:
        count("pubsub.coerced")
    try:
        # Slower, and it takes nearly everything: large numbers, lone surrogates, objects as their text.
        made = json.dumps(value, default=_text, skipkeys=True, ensure_ascii=False).encode("utf-8", "replace")
        orjson.loads(made)
    except (TypeError, ValueError, RecursionError):  # circular, too deep, or numbers beyond all bounds
        return orjson.dumps(f"<{type(value).__name__} that has no JSON form>")
    return made


def _text(value: object) -> str:
    try:
        return str(value)
    except Exception as error:  # whatever the user's __str__ does, the pipeline goes on
        return f"<{type(value).__name__} whose text raised {type(error).__name__}>"


def outgoing(entry: Entry) -> Outgoing:
    """Return an entry as it goes into the log.

    Raises:
        TypeError: An event holds what has no JSON form.
        ValueError: The same.
    """
    if not isinstance(entry, Caught):
        topics = topics_of(entry)
        # The id is the event's: two processes that observe one fact publish it once.
        return Outgoing(entry.id, entry.time, topics, envelope.encode_event(entry, entry.id, topics[0]))
    # Its own for each broadcast: to broadcast an event again, or under another topic, is not a repetition.
    id = f"{entry.time // 1_000_000 & 0xFFFFFFFFFFFF:012x}{os.urandom(10).hex()}"
    if isinstance(entry.event, bytes):
        payload = cleaned(orjson.loads(entry.event))
        parent = _traceparent(entry.context)
        data = envelope.encode_payload(payload, id, entry.time, entry.topic, parent)
    else:
        data = envelope.encode_cleaned(entry.event, cleaned(to_dict(entry.event)), id, entry.topic)
    return Outgoing(id, entry.time, (entry.topic,), data)


def lost(number: int) -> Outgoing:
    """Return what stands in the log where *number* events were lost before they reached it."""
    now = time_ns()
    id = f"{now // 1_000_000 & 0xFFFFFFFFFFFF:012x}{os.urandom(10).hex()}"
    return Outgoing(id, now, (LOST_TOPIC,), envelope.encode_lost(number, id, now, LOST_TOPIC))


def cleaned(value: Any, depth: int = 0) -> Any:
    """Return JSON without secrets: none under a key that names one, none that a text looks like."""
    if isinstance(value, str):
        return redact(value)
    if depth > _MOST_DEPTH:
        count("pubsub.cut")
        return "[cut]"
    if isinstance(value, dict):
        return {
            redact(key): _MARK if item and is_secret(key) else cleaned(item, depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [cleaned(item, depth + 1) for item in value]
    return value


def _traceparent(context: trace.SpanContext) -> str:
    if not context.is_valid:
        return ""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
