"""Messages and gaps as lines for people and for programs."""

from __future__ import annotations

import time
from typing import Any, Final

import orjson

from flowstone_pubsub.envelope import TYPE_PREFIX, json_of
from flowstone_pubsub.message import Gap, Message
from flowstone_pubsub.rings import Item

_SHOWN: Final = (
    "asset",
    "partition",
    "checkpoint",
    "resource",
    "sensor",
    "io_manager",
    "pipeline",
    "status",
    "run_id",
)
_WIDTH: Final = 200
_ENVELOPE: Final = b'{"seq":%d,"topic":%b,"event":%b}'


def as_json(item: Item) -> str:
    """Return one line of JSON: ``seq``, ``topic`` and the envelope as ``event``, or ``gap``."""
    if isinstance(item, Gap):
        return orjson.dumps({"gap": item._asdict()}).decode()
    return (_ENVELOPE % (item.seq, orjson.dumps(item.topic), json_of(item.data))).decode()


def as_text(item: Item) -> str:
    """Return one line: time of day, place in the log, topic, what happened. Nothing in it moves a terminal's cursor."""
    if isinstance(item, Gap):
        if item.last < item.first:
            return (
                f"-- the log was begun anew: it ended behind {item.first - 1}, and goes on behind {item.last}"
            )
        return f"-- {item.first} to {item.last} missing: {item.reason}"
    seconds, rest = divmod(item.time, 1_000_000_000)
    clock = time.strftime("%H:%M:%S", time.localtime(seconds))
    return _printable(f"{clock}.{rest // 1_000_000:03d}  {item.seq:>7}  {item.topic}  {_told(item)}")


def _told(message: Message) -> str:
    envelope = message.envelope.parsed
    name = str(envelope.get("type") or "?").removeprefix(TYPE_PREFIX)
    data: Any = envelope.get("data")
    if not isinstance(data, dict):
        return name
    attributes = data.get("attributes")
    if isinstance(attributes, dict) and set(attributes) == {"payload"}:
        return f"{name}  {orjson.dumps(attributes['payload']).decode()}"
    told = [f"{key}={_text(data[key])}" for key in _SHOWN if data.get(key) not in (None, "")]
    return "  ".join([name, *told])


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _printable(line: str) -> str:
    clean = (
        line
        if line.isprintable()
        else "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in line)
    )
    return clean if len(clean) <= _WIDTH else f"{clean[: _WIDTH - 1]}…"
