"""What is broadcast, as it was at that moment: caught on the caller, cleaned and put into its envelope later."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from functools import partial
from math import isfinite
from time import time_ns
from typing import Any, Final

import orjson
from opentelemetry import trace
from opentelemetry.context import Context

from flowstone.plugin import Event, count, is_secret, redact, to_dict
from flowstone_pubsub import envelope
from flowstone_pubsub.engines.base import LOST_TOPIC, Outgoing
from flowstone_pubsub.topics import topics_of

_MARK: Final = "[redacted]"
_MOST_DEPTH: Final = 64
OPTIONS: Final = orjson.OPT_NON_STR_KEYS


Caught = tuple[str, Event | bytes, int, Context]
"""A broadcast that waits to be put into its envelope: topic, payload, Unix nanoseconds, the caller's context.

The payload is an event, which nobody can change, or JSON already. A bare tuple, for it is made on the caller.
"""

Entry = Event | Caught
"""A lifecycle event, which goes to its own topics; or what was broadcast."""

as_json: Final[Callable[[Any, None, int], bytes]] = orjson.dumps
"""Makes JSON of a payload on the caller, with ``OPTIONS``; a TypeError says that it needs ``coerced``."""


def coerced(value: Any) -> bytes:
    """Return JSON of anything; slower, and it takes nearly everything."""
    count("pubsub.coerced")
    try:
        # Large numbers, lone surrogates, objects as their text.
        made = json.dumps(_plain(value), default=_text, ensure_ascii=False).encode("utf-8", "replace")
        orjson.loads(made)
    except (
        Exception
    ):  # circular, too deep, numbers beyond all bounds, or a container of the user's that raises
        return orjson.dumps(f"<{type(value).__name__} that has no JSON form>")
    return made


def _plain(value: Any) -> Any:
    """Return *value* with keys that JSON has, and null for numbers that it has not: as ``as_json`` writes them."""
    if isinstance(value, dict):
        return {
            key if key is None or isinstance(key, str | int | float) else _text(key): _plain(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def cut(caught: bytes) -> bytes:
    """Return as JSON the beginning of JSON that is too large for an envelope: what waits in the outbox is small.

    It is cleaned while it still has keys, and more of it than is shown: a secret may stand at the end.
    """
    count("pubsub.cut")
    beginning = cleaned(_beginning(orjson.loads(caught), [2 * envelope.KEPT]))
    shown = orjson.dumps(beginning).decode()[: envelope.KEPT]
    return orjson.dumps(f"{shown}…[{len(caught) - len(shown)} more characters cut]")


def _beginning(value: Any, room: list[int]) -> Any:
    """Return what there is *room* for of JSON, in characters or nearly so."""
    room[0] -= 1
    if isinstance(value, str):
        value = value[: max(room[0], 0)]
        room[0] -= len(value)
    elif isinstance(value, dict):
        return {_beginning(key, room): _beginning(item, room) for key, item in value.items() if room[0] > 0}
    elif isinstance(value, list):
        return [_beginning(item, room) for item in value if room[0] > 0]
    return value


def _text(value: object) -> str:
    try:
        return str(value)
    except Exception as error:  # whatever the user's __str__ does, the pipeline goes on
        return f"<{type(value).__name__} whose text raised {type(error).__name__}>"


# A call of the class itself costs half as much again.
_outgoing: Final = partial(tuple.__new__, Outgoing)


def outgoing(event: Event, *, as_object: bool = False) -> Outgoing:
    """Return a lifecycle event as it goes into the log.

    Args:
        event: The event.
        as_object: Whether the engine holds objects.

    Raises:
        TypeError: It holds what has no JSON form.
    """
    topics = topics_of(event)
    # The id is the event's: two processes that observe one fact publish it once.
    if as_object:
        return _outgoing((event.id, event.time, topics, b"", envelope.Prepared(event, topics[0])))
    return Outgoing(event.id, event.time, topics, envelope.encode_event(event, event.id, topics[0]))


def broadcast(caught: Caught, id: str, sender: trace.SpanContext, correlation_id: str) -> Outgoing:
    """Return a broadcast as it goes into the log.

    Args:
        caught: The broadcast.
        id: Its own for each: to broadcast an event again, or under another topic, is not a repetition.
        sender: The span that sends it.
        correlation_id: The caller's; an event keeps its own.

    Raises:
        TypeError: An event holds what has no JSON form.
    """
    topic, event, time, _ = caught
    parent = _traceparent(sender)
    if isinstance(event, bytes):
        data = envelope.encode_payload(cleaned(orjson.loads(event)), id, time, topic, parent, correlation_id)
    else:
        data = envelope.encode_cleaned(event, cleaned(to_dict(event)), id, topic, parent, correlation_id)
    return Outgoing(id, time, (topic,), data)


# ``os.urandom`` lets go of the interpreter, and beside busy threads each return to it takes 5 ms.
_random: Final = random.Random()  # noqa: S311 - ids, not secrets
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_random.seed)


def new_id(time: int) -> str:
    """Return an id that sorts by *time*, Unix nanoseconds."""
    return f"{time // 1_000_000 & 0xFFFFFFFFFFFF:012x}{_random.getrandbits(80):020x}"


def lost(number: int) -> Outgoing:
    """Return what stands in the log where *number* events were lost before they reached it."""
    now = time_ns()
    id = new_id(now)
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
