"""Records as JetStream keeps them: the envelope is the message, so that anybody can read it; the rest is headers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import orjson

from flowstone_pubsub.engines.base import Outgoing, Record

ID: Final = "Nats-Msg-Id"
"""The header by which the server tells repetitions."""

TIME: Final = "Flowstone-Time"
TOPICS: Final = "Flowstone-Topics"
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_-]")
_WORD: Final = 64
_ACK_WITH_DOMAIN: Final = 12


def subject_of(prefix: str, topic: str) -> str:
    """Return the subject of a message: the prefix and the topic's first word.

    Not the whole topic: the server keeps a little state for each subject, and each run has topics of its own. Other
    users of NATS can listen to ``prefix.materializations`` or ``prefix.asset``; the topics stand in the headers.
    """
    word = topic.partition(":")[0][:_WORD]
    return f"{prefix}.{_UNSAFE.sub('_', word) or '_'}"


def headers_of(one: Outgoing) -> dict[str, str]:
    """Return the headers; topics as JSON in ASCII, because line ends and the like have no place in headers."""
    return {ID: one.id, TIME: str(one.time), TOPICS: json.dumps(one.topics, separators=(",", ":"))}


def places_of(reply: str) -> tuple[int, int]:
    """Return the place in the stream and in the consumer's deliveries, from what a message is to be answered to.

    Raises:
        ValueError: It is no message of a stream.
    """
    words = reply.split(".")
    if words[:2] != ["$JS", "ACK"] or len(words) < 9:
        raise ValueError("no message of a stream")
    at = 7 if len(words) >= _ACK_WITH_DOMAIN else 5
    return int(words[at]), int(words[at + 1])


def record_of(seq: int, subject: str, headers: Mapping[str, Any] | None, data: bytes) -> Record:
    """Return the record; of a message that somebody else published into the stream, what can be told of it."""
    found = headers or {}
    try:
        topics = tuple(str(one) for one in orjson.loads(found[TOPICS]))
        return Record(seq, str(found[ID]), int(found[TIME]), topics, data)
    except (KeyError, ValueError, TypeError):
        return Record(
            seq, str(found.get(ID, f"{seq:032x}")), 0, (subject.partition(".")[2] or subject,), data
        )
