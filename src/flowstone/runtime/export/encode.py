"""Spans as OTLP bytes, without protobuf: the fast path's encoder.

A tenth of the stock encoder's CPU. A parity test parses both and compares.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from flowstone.catalogue.values import AttributeValue, SpanEvent, SpanLink
from flowstone.runtime.export import wire
from flowstone.runtime.export.data import UNSET, SpanData

_from_hex = bytes.fromhex
_attributes = wire.attributes
_varint = wire.varint
_fixed64 = wire.fixed64
# Flags say "whether the parent is remote is known" and "it is not"; fixed32, little endian.
_FIXED: Final = b"\x85\x01\x00\x01\x00\x00\x7a\x00"
_PARENT: Final = b"\x22\x08"
_LINK_FLAGS: Final = b"\x35\x00\x01\x00\x00"
_names: dict[tuple[str, int], bytes] = {}
_traces: dict[str, bytes] = {}


def encode_span(span: SpanData) -> bytes:
    """Return *span* as one ``spans`` field of a ``ScopeSpans`` message, tag and length included."""
    (
        trace_id,
        span_id,
        parent_id,
        name,
        kind,
        start,
        end,
        values,
        events,
        links,
        status,
        description,
        dropped,
    ) = span
    parts = [head(trace_id, span_id, parent_id), span_name(name, kind), wire.times(start, end)]
    _attributes(b"\x4a", values, parts)
    if events:
        parts.extend([_event(event) for event in events])
    if links:
        parts.extend([_link(link) for link in links])
    if status != UNSET:
        parts.append(_status(status, description))
    if dropped != (0, 0, 0):
        parts.append(_dropped(dropped))
    return span_field(parts)


def head(trace_id: str, span_id: str, parent_id: str) -> bytes:
    """Return what every span has: ids, flags, and a status, which stays unset if none follows."""
    begin = _traces.get(trace_id) or _trace(trace_id)
    if parent_id:
        return begin + _from_hex(span_id) + _PARENT + _from_hex(parent_id)
    return begin + _from_hex(span_id)


def _trace(trace_id: str) -> bytes:
    if len(_traces) >= wire.CACHE_LIMIT:
        _traces.clear()
    made = _traces[trace_id] = _FIXED + b"\x0a\x10" + _from_hex(trace_id) + b"\x12\x08"
    return made


def span_name(name: str, kind: int) -> bytes:
    """Return the fields ``name`` and ``kind`` of a span."""
    found = _names.get((name, kind))
    if found is None:
        if len(_names) >= wire.CACHE_LIMIT:
            _names.clear()
        found = _names[name, kind] = wire.field(b"\x2a", wire.text(name)) + b"\x30" + _varint(kind + 1)
    return found


def span_field(parts: list[bytes]) -> bytes:
    """Return the parts of a span as one field of a ``ScopeSpans`` message."""
    body = b"".join(parts)
    return b"\x12" + _varint(len(body)) + body


def _event(event: SpanEvent) -> bytes:
    parts = [b"\x09", _fixed64(event.time), wire.field(b"\x12", wire.text(event.name))]
    _attributes(b"\x1a", event.attributes, parts)
    return wire.field(b"\x5a", b"".join(parts))


def _link(link: SpanLink) -> bytes:
    parts = [b"\x0a\x10", _from_hex(link.trace_id), b"\x12\x08", _from_hex(link.span_id), _LINK_FLAGS]
    _attributes(b"\x22", link.attributes, parts)
    return wire.field(b"\x6a", b"".join(parts))


def _status(status: int, description: str) -> bytes:
    message = wire.field(b"\x12", wire.text(description)) if description else b""
    return wire.field(b"\x7a", message + b"\x18" + _varint(status))


def _dropped(dropped: tuple[int, int, int]) -> bytes:
    tags = (b"\x50", b"\x60", b"\x70")
    return b"".join(tag + _varint(count) for tag, count in zip(tags, dropped, strict=True) if count)


class Envelope:
    """What surrounds the spans of a request: resource and instrumentation scope, encoded once."""

    def __init__(
        self,
        resource: Mapping[str, AttributeValue],
        *,
        scope: str,
        version: str = "",
        schema_url: str = "",
        resource_schema_url: str = "",
    ) -> None:
        parts: list[bytes] = []
        _attributes(b"\x0a", resource, parts)
        self._resource = wire.field(b"\x0a", b"".join(parts))
        named = wire.field(b"\x0a", wire.text(scope))
        if version:
            named += wire.field(b"\x12", wire.text(version))
        self._scope = wire.field(b"\x0a", named)
        self._schema = wire.field(b"\x1a", wire.text(schema_url)) if schema_url else b""
        self._resource_schema = (
            wire.field(b"\x1a", wire.text(resource_schema_url)) if resource_schema_url else b""
        )

    def wrap(self, spans: Sequence[bytes]) -> bytes:
        """Return an ``ExportTraceServiceRequest`` that holds the encoded *spans*."""
        scope_spans = b"".join((self._scope, *spans, self._schema))
        body = self._resource + wire.field(b"\x12", scope_spans) + self._resource_schema
        return wire.field(b"\x0a", body)
