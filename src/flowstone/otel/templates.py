"""The common case, straight from event to bytes: an operation that ended well.

No span is made in between, and each attribute costs one look-up. Whatever is not common (errors,
span events, links, renamed spans, attributes that clash with ours) goes the long way, through
``Spans`` and ``encode_span``. A parity test holds both ways to the same message.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Final, cast

from flowstone.catalogue.event import Event
from flowstone.otel.shapes import COMMON, SHAPES, SpanShape
from flowstone.otel.spans import CONVERTED, FAILED, Spans, rendered
from flowstone.runtime.export import wire
from flowstone.runtime.export.encode import encode_span, head, span_field, span_name
from flowstone.runtime.export.limits import DEFAULT_LIMITS, Limits

_SCOPE: Final = {
    "failed": FAILED,
    "head": head,
    "times": wire.times,
    "attributes": wire.attributes,
    "span_field": span_field,
}

Encode = Callable[[Event], bytes | None]

_IDS: Final = frozenset(name for _, name in COMMON)
_RECUR: Final = frozenset({"asset", "partition", "attempt", "io_manager", "status"})
_KEPT_TYPES: Final = frozenset({str, int, type(None)})
_KEPT_BYTES: Final = 1024


class _Attribute:
    """One attribute of ours: its key is written once, its texts are kept."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._plain = key not in CONVERTED  # its numbers are written as they are
        self._numbers = {size: wire.number_head(b"\x4a", key, size) for size in range(1, 11)}
        self._texts: dict[object, bytes] = {}
        self.find = self._texts.get  # holds texts only, so equal numbers of two types cannot meet here

    def make(self, value: object) -> bytes:
        """Return the attribute's bytes."""
        if type(value) is int and self._plain:
            body = wire.signed(value)
            return self._numbers[len(body)] + body
        made = wire.attribute(b"\x4a", self._key, rendered(self._key, value))
        if type(value) is str and len(value) <= wire.CACHED_TEXT:
            if len(self._texts) >= wire.CACHE_LIMIT:
                self._texts.clear()
            self._texts[value] = made
        return made


class _Recurring:
    """The attributes that most spans share with one before, as one piece."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._keys = [key for key, _ in pairs]
        self._made: dict[tuple[object, ...], bytes] = {}
        self.find = self._made.get

    def make(self, values: tuple[object, ...]) -> bytes:
        """Return the attributes of *values*, without the empty ones."""
        made = b"".join(
            wire.attribute(b"\x4a", key, rendered(key, value))
            for key, value in zip(self._keys, values, strict=True)
            if value is not None and value != ""
        )
        # Equal moments in two time zones are written differently, so they are not kept.
        if len(made) <= _KEPT_BYTES and _KEPT_TYPES.issuperset(map(type, values)):
            if len(self._made) >= wire.CACHE_LIMIT:
                self._made.clear()
            self._made[values] = made
        return made


class _Names:
    """The name fields of one shape's spans, by subject."""

    def __init__(self, shape: SpanShape) -> None:
        self._name, self._kind = shape.name, shape.kind.value
        self._made: dict[str, bytes] = {}
        self.find = self._made.get

    def make(self, subject: str) -> bytes:
        """Return name and kind of the span about *subject*."""
        made = span_name(f"{self._name} {subject}" if subject else self._name, self._kind)
        if len(self._made) >= wire.CACHE_LIMIT:
            self._made.clear()
        self._made[subject] = made
        return made


def _template(cls: type[Event], shape: SpanShape) -> Encode:
    """Return *shape* compiled for *cls*: a function without loops over fields, for they cost as much as the work."""
    present = {own.name for own in fields(cls)}
    pairs = [(key, name) for key, name in (*COMMON, *shape.attributes) if name in present]
    rare = [f"event.{name}" for name in ("error", "span_events", "links", "span_name") if name in present]
    if "status" in present:
        rare.append("event.status in failed")
    # Equal numbers of two types are written differently, and what recurs is found by equality.
    rare += [f"type(event.{name}) is not int" for name in ("attempt",) if name in present]
    about = _Names(shape)
    scope: dict[str, object] = {
        **_SCOPE,
        "constants": b"".join(wire.attribute(b"\x4a", key, value) for key, value in shape.constants),
        "room": (DEFAULT_LIMITS.attributes or 0) - len(pairs) - len(shape.constants),
        "disjoint": frozenset(key for key, _ in (*pairs, *shape.constants)).isdisjoint,
        "find_subject": about.find,
        "make_subject": about.make,
    }
    start = "end - (event.duration or 0)" if shape.duration in present else "end"
    lines = [
        "def encode(event):",
        f"    if {' or '.join(rare) or 'False'}: return None",
        f"    end, subject = event.time, event.{shape.subject}",
        f"    parts = [head(event.trace_id, event.span_id, event.parent_id), times({start}, end), constants]",
        "    append = parts.append",
        "    append(find_subject(subject) or make_subject(subject))",
    ]
    lines += _recurring(scope, [pair for pair in pairs if pair[1] in _IDS])
    lines += _recurring(scope, [pair for pair in pairs if pair[1] in _RECUR])
    for pair in pairs:
        if pair[1] not in _IDS and pair[1] not in _RECUR:
            lines += _single(scope, *pair)
    lines.append("    if event.attributes:")
    lines.append("        if len(event.attributes) > room or not disjoint(event.attributes): return None")
    lines.append("        attributes(b'\\x4a', event.attributes, parts)")
    lines.append("    return span_field(parts)")
    exec("\n".join(lines), scope)  # noqa: S102  # field names of our own classes
    return cast("Encode", scope["encode"])


def _single(scope: dict[str, object], key: str, name: str) -> list[str]:
    """Return the lines that append the attribute *key* of the field *name*, unless it is empty."""
    own = _Attribute(key)
    scope[f"find_{name}"], scope[f"make_{name}"] = own.find, own.make
    append = f"append(find_{name}(value) or make_{name}(value))"
    return [f"    value = event.{name}", f"    if value is not None and value != '': {append}"]


def _recurring(scope: dict[str, object], pairs: list[tuple[str, str]]) -> list[str]:
    """Return the lines that append the attributes *pairs* at once; put what they call into *scope*."""
    if not pairs:
        return []
    own, mark = _Recurring(pairs), f"all_{pairs[0][1]}"
    scope[f"find_{mark}"], scope[f"make_{mark}"] = own.find, own.make
    values = "".join(f"event.{name}, " for _, name in pairs)
    return [f"    values = ({values})", f"    append(find_{mark}(values) or make_{mark}(values))"]


class Encoder:
    """Makes bytes of events, by the short way where there is one."""

    def __init__(self, spans: Spans, limits: Limits = DEFAULT_LIMITS) -> None:
        self._spans, self._limits = spans, limits
        short = SHAPES if limits == DEFAULT_LIMITS else ()  # the short way knows the default limits only
        self._templates: dict[type[Event], Encode] = {
            cls: _template(cls, shape) for shape in short for cls in shape.events
        }

    def of(self, event: Event) -> bytes | None:
        """Return the encoded span that *event* ends, None if it ends none."""
        template = self._templates.get(type(event))
        made = template(event) if template is not None else None
        if made is not None:
            return made
        span = self._spans.of(event)
        return encode_span(self._limits.span(span)) if span is not None else None
