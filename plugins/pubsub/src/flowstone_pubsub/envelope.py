"""The form in which events stand in the log: CloudEvents 1.0 in JSON, made once for each event.

| attribute | |
|---|---|
| ``id`` | the record's |
| ``source`` | ``//host/pid`` of the process that published it |
| ``type`` | ``flowstone.`` and the event's name; ``flowstone.broadcast`` for anything that is no event |
| ``subject`` | the first topic, control characters written ``%XX`` |
| ``time`` | when it happened, RFC 3339 in UTC with nanoseconds |
| ``traceparent`` (extension distributed tracing) | trace and span that the event belongs to |
| ``correlationid`` (extension) | the event's correlation id, or that of whoever broadcast it |
| ``data`` | the event, as ``flowstone.plugin.encode`` writes it |
"""

from __future__ import annotations

import os
import time
from functools import cache
from typing import Any, Final
from urllib.parse import quote

import orjson

from flowstone.plugin import Event, count, encode, this_process
from flowstone_pubsub import reviving

TYPE_PREFIX: Final = "flowstone."
BROADCAST: Final = "broadcast"
LOST: Final = "pubsub.lost"
LIMIT: Final = 512 * 1024
"""Bytes of an envelope above which its data are cut: servers refuse messages of a megabyte."""

KEPT: Final = 4096
"""Characters of them that are left then."""

Payload = Any
"""An ``Event``, or JSON: dict, list, str, number, bool or None."""


class Envelope:
    """One event in its envelope, read when somebody asks.

    Attributes:
        data: The envelope as bytes.
        parsed: The envelope as a JSON object; empty where it is none.
        event: What was published; an envelope of a stranger's that cannot be read gives a ``CustomEvent`` with its text.
    """

    __slots__ = ("data", "event", "parsed")

    data: bytes
    event: Payload
    parsed: dict[str, Any]

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Envelope) and self.data == other.data

    def __hash__(self) -> int:
        return hash(self.data)

    def __getattr__(self, name: str) -> Any:
        # Called while a slot is empty, so that all readers but the first pay for a slot only.
        if name == "parsed":
            self.parsed = _parse(self.data)
            return self.parsed
        if name == "event":
            self.event = reviving.revive(self.parsed.get("data"), self.data)
            return self.event
        raise AttributeError(name)

    @property
    def traceparent(self) -> str:
        """Trace and span it belongs to, in the form of W3C Trace Context; empty where there are none."""
        return str(self.parsed.get("traceparent") or "")

    @property
    def correlation_id(self) -> str:
        """The correlation id of the event, or of whoever broadcast it; empty where there is none."""
        return str(self.parsed.get("correlationid") or "")


class Prepared(Envelope):
    """The envelope of a lifecycle event in the process where it happened: written only if somebody asks for its bytes.

    Args:
        event: The event, its values clean.
        topic: The first one.
    """

    __slots__ = ("_topic",)

    def __init__(self, event: Event, topic: str) -> None:
        self.event = event
        self._topic = topic

    def __getattr__(self, name: str) -> Any:
        if name != "data":
            return super().__getattr__(name)
        try:
            self.data = encode_event(self.event, self.event.id, self._topic)
        except TypeError:  # none from the drain: somebody else's
            count("pubsub.unencodable")
            told = f"<{self.event.name} that has no JSON form>"
            self.data = encode_payload(told, self.event.id, self.event.time, self._topic)
        return self.data

    @property
    def traceparent(self) -> str:
        """Trace and span it belongs to, in the form of W3C Trace Context; empty where there are none."""
        return _traceparent(self.event)

    @property
    def correlation_id(self) -> str:
        """The event's correlation id."""
        return str(self.event.correlation_id)


def json_of(data: bytes) -> bytes:
    """Return an envelope as JSON on its own line: of a stranger's that is none, its text."""
    try:
        orjson.loads(data)
    except ValueError:
        return orjson.dumps(data.decode("utf-8", "replace"))
    return b" ".join(data.splitlines())


def _parse(data: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(data)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {}


def encode_event(event: Event, id: str, topic: str) -> bytes:
    """Return the envelope of an event whose values are clean, as those from the drain are."""
    return encode_cleaned(event, orjson.Fragment(encode(event)), id, topic)


def encode_cleaned(
    event: Event, data: Any, id: str, topic: str, traceparent: str = "", correlation_id: str = ""
) -> bytes:
    """Return the envelope of an event with *data* in it, the event's JSON form after cleaning.

    Its span is the event's own where *traceparent* names none; *correlation_id* is for an event that has none.

    Raises:
        TypeError: *data* hold what has no JSON form.
    """
    parent = traceparent or _traceparent(event)
    return _write(id, event.name, event.time, topic, data, parent, event.correlation_id or correlation_id)


def _traceparent(event: Event) -> str:
    traced = event.trace_id and event.span_id and event.trace_id != _NO_TRACE
    return f"00-{event.trace_id}-{event.span_id}-{event.sampled:02x}" if traced else ""


def encode_payload(
    payload: Payload, id: str, at: int, topic: str, traceparent: str = "", correlation_id: str = ""
) -> bytes:
    """Return the envelope of something that is JSON and no event.

    Its data have the form of an event called ``broadcast``, so that all readers of events can read them.
    """
    data = {"v": 1, "name": BROADCAST, "id": id, "time": at, "attributes": {reviving.PAYLOAD: payload}}
    return _write(id, BROADCAST, at, topic, data, traceparent, correlation_id)


def encode_lost(count: int, id: str, at: int, topic: str) -> bytes:
    """Return the envelope that says how many events were lost before they reached the log."""
    data = {"v": 1, "name": LOST, "id": id, "time": at, "attributes": {"count": count}}
    return _write(id, LOST, at, topic, data)


def _write(
    id: str, name: str, at: int, topic: str, data: Any, traceparent: str = "", correlation: str = ""
) -> bytes:
    made: dict[str, Any] = {
        "specversion": "1.0",
        "id": id,
        "source": _source(os.getpid()),
        "type": TYPE_PREFIX + name,
        "subject": topic if topic.isprintable() else _subject(topic),
        "time": _moment(at),
        "datacontenttype": "application/json",
    }
    if traceparent:
        made["traceparent"] = traceparent
    if correlation:
        made["correlationid"] = correlation
    made["data"] = data
    written = orjson.dumps(made)
    if len(written) > LIMIT:
        count("pubsub.cut")
        text = orjson.dumps(data).decode()
        cut = f"{text[:KEPT]}…[{len(text) - KEPT} more characters cut]"
        made["data"] = {"v": 1, "name": name, "id": id, "time": at, "attributes": {reviving.PAYLOAD: cut}}
        written = orjson.dumps(made)
    return written


_NO_TRACE: Final = "0" * 32


@cache
def _source(pid: int) -> str:
    return f"//{quote(this_process().host)}/{pid}"


def _subject(topic: str) -> str:
    return "".join(one if one.isprintable() else quote(one) for one in topic)


def _moment(at: int) -> str:
    seconds, rest = divmod(at, 1_000_000_000)
    try:
        return f"{_second(seconds)}.{rest:09d}Z"
    except (OverflowError, OSError, ValueError):
        return "1970-01-01T00:00:00Z"  # of a clock that is out of its mind; ``data`` has what it said


_seconds: dict[int, str] = {}


def _second(seconds: int) -> str:
    found = _seconds.get(seconds)
    if found is None:
        if len(_seconds) > 64:
            _seconds.clear()
        found = _seconds[seconds] = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return found
