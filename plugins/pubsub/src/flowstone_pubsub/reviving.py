"""Making of an envelope's data what was published."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import orjson

from flowstone.plugin import CustomEvent, Event, count, decode, provided

PAYLOAD: Final = "payload"
"""The attribute under which anything stands that is no event."""

UNREADABLE: Final = "pubsub.unreadable"
_BROADCAST: Final = "broadcast"
_SHOWN: Final = 4096

_known: dict[str, type[Event]] = {}


def revive(data: Any, raw: bytes) -> Any:
    """Return the event, or what else was broadcast, of an envelope's data.

    Args:
        data: The envelope's ``data``.
        raw: The envelope, of which the beginning is shown where nothing can be made of it.
    """
    if isinstance(data, dict) and data.get("name") == _BROADCAST:
        attributes = data.get("attributes")
        if isinstance(attributes, dict) and PAYLOAD in attributes:
            return attributes[PAYLOAD]
    try:
        return decode(orjson.dumps(data), _class_of)
    except (ValueError, TypeError):
        count("pubsub.unreadable")
        return CustomEvent(name=UNREADABLE, attributes={"text": raw[:_SHOWN].decode("utf-8", "replace")})


def _class_of(name: str) -> type[Event] | None:
    """Return the class of an event that a plugin of this process has added; built-in ones are known anyway."""
    if not _known:
        _known.update(_provided())
    return _known.get(name)


def _provided() -> Iterable[tuple[str, type[Event]]]:
    for cls in provided("provide_events"):
        if isinstance(cls, type) and issubclass(cls, Event):
            yield str(cls.__dataclass_fields__["name"].default), cls
