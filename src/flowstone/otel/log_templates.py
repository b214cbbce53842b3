"""The common log records, straight from event to bytes: operations that begin, and that end well.

As ``templates`` does for spans. Whatever is not common goes the long way, through ``LogData``;
a parity test holds both ways to the same message.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from operator import attrgetter
from typing import Final, cast

from flowstone.catalogue.event import Event
from flowstone.catalogue.operation import OperationEnd, OperationStart
from flowstone.catalogue.registry import builtin_events, name_of
from flowstone.otel.log_events import ON_SPANS_ONLY, PREFIX, body_of
from flowstone.otel.shapes import COMMON, start_shape_of
from flowstone.otel.spans import CONVERTED, FAILED, rendered
from flowstone.runtime.export import wire
from flowstone.runtime.export.log_encode import TAG, head, joined, record_field, times
from flowstone.runtime.severities import common_severity

Encode = Callable[[Event, int], bytes | None]

_SCOPE: Final = {
    "failed": FAILED,
    "joined": joined,
    "record_field": record_field,
    "texts": (str, type(None)),
    "times": times,
}


class _Texts:
    """Bytes by what they are made of, made once."""

    def __init__(self, make: Callable[[object], bytes]) -> None:
        self._make = make
        self._made: dict[object, bytes] = {}
        self.find = self._made.get

    def make(self, about: object) -> bytes:
        """Return the bytes about *about*, and keep them."""
        made = self._make(about)
        if len(self._made) >= wire.CACHE_LIMIT:
            self._made.clear()
        self._made[about] = made
        return made


def _pairs(cls: type[Event]) -> list[tuple[str, str]]:
    """Return attribute and field of what tells records of one class apart."""
    present = {own.name for own in fields(cls)}
    shape = start_shape_of(cls)
    own = shape.attributes if shape is not None else ()
    return [(key, name) for key, name in own if name in present and key not in ON_SPANS_ONLY]


def _reader(names: list[str]) -> Callable[[Event], object]:
    """Return what reads fields as a tuple, even where there is one only."""
    if len(names) > 1:
        return attrgetter(*names)
    read = attrgetter(*names)
    return lambda event: (read(event),)


def _attributes(keys: list[str]) -> Callable[[object], bytes]:
    """Return what encodes the attributes *keys* of their values, a tuple; empty ones are left out."""

    def make(values: object) -> bytes:
        pairs = zip(keys, cast("tuple[object, ...]", values), strict=True)
        return b"".join(
            wire.attribute(TAG, key, rendered(key, value) if key in CONVERTED else value)
            for key, value in pairs
            if value is not None and value != ""
        )

    return make


def _template(cls: type[Event]) -> Encode:
    """Return what encodes the record of an event of *cls*; it returns None where it is not common."""
    shape = start_shape_of(cls)
    assert shape is not None
    pairs = _pairs(cls)
    own, ids = [key for key, _ in pairs], [key for key, _ in COMMON]
    about, common = _Texts(_attributes(own)), _Texts(_attributes(ids))
    name = name_of(cls)
    is_end = issubclass(cls, OperationEnd)
    body = _Texts(lambda told: _body(name, told))
    scope: dict[str, object] = {
        **_SCOPE,
        "read_own": _reader([field for _, field in pairs]),
        "read_common": attrgetter(*(field for _, field in COMMON)),
        "find_own": about.find,
        "make_own": about.make,
        "find_common": common.find,
        "make_common": common.make,
        "find_body": body.find,
        "make_body": body.make,
        "head": head(PREFIX + name, common_severity(cls)),
        "constants": _attributes([key for key, _ in shape.constants])(
            [value for _, value in shape.constants]
        ),
    }
    lines = [
        "def encode(event, now):",
        f"    if {_rare(cls)}: return None",
        f"    told, own, common = {_told(shape.subject, is_end)}, read_own(event), read_common(event)",
        "    return record_field((",
        "        times(9, event.time, 89, now), head, find_body(told) or make_body(told), constants,",
        "        find_common(common) or make_common(common), find_own(own) or make_own(own),",
        "        joined(event.trace_id, event.span_id, event.sampled)))",
    ]
    exec("\n".join(lines), scope)  # noqa: S102  # field names of our own classes
    return cast("Encode", scope["encode"])


def _rare(cls: type[Event]) -> str:
    """Return the condition under which an event takes the long way."""
    present = {own.name for own in fields(cls)}
    rare = ["event.status in failed"] if issubclass(cls, OperationEnd) else []
    rare += ["event.error"] if "error" in present else []
    # Equal moments in two time zones are written differently, so only texts may be looked up.
    rare += ["type(event.partition) not in texts"] if "partition" in present else []
    return " or ".join(rare) or "False"


def _told(subject: str, is_end: bool) -> str:
    return f"(event.{subject}, {'event.status' if is_end else repr('')})"


def _body(name: str, told: object) -> bytes:
    subject, status = cast("tuple[str, str]", told)
    return wire.field(b"\x2a", wire.field(b"\x0a", wire.text(body_of(name, subject, status))))


class RecordEncoder:
    """Makes bytes of the common events.

    Args:
        lowest: Severity below which there is no record.
    """

    def __init__(self, lowest: int) -> None:
        self._templates: dict[type[Event], Encode] = {
            cls: _template(cls)
            for cls in builtin_events()
            if issubclass(cls, (OperationStart, OperationEnd)) and common_severity(cls) >= lowest
        }

    def of(self, event: Event, now: int) -> bytes | None:
        """Return the record of *event*, None where it takes the long way."""
        template = self._templates.get(type(event))
        return template(event, now) if template is not None else None
