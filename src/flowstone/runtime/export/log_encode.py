"""Log records as OTLP bytes, without protobuf. A parity test compares them with the stock encoder's."""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct
from typing import Final

from flowstone.runtime.export import wire
from flowstone.runtime.export.data import SEVERITY_TEXTS, LogData

times: Final = Struct("<BQBQ").pack
"""Time and observed time, when called with their tags: ``times(0x09, time, 0x59, observed)``."""
TAG: Final = b"\x32"
"""The tag of an attribute of a record."""
_SAMPLED: Final = b"\x45\x01\x00\x00\x00"  # fixed32, little endian
_heads: dict[tuple[str, int], bytes] = {}
_traces: dict[str, bytes] = {}


def head(event_name: str, severity: int) -> bytes:
    """Return the fields ``severity_number``, ``severity_text`` and ``event_name``."""
    text = wire.field(b"\x1a", wire.text(SEVERITY_TEXTS[severity]))
    return b"\x10" + wire.varint(severity) + text + wire.field(b"\x62", wire.text(event_name))


def joined(trace_id: str, span_id: str, sampled: bool) -> bytes:
    """Return what joins a record to its span: ids and flags."""
    begin = _traces.get(trace_id) or _trace(trace_id)
    made = begin + bytes.fromhex(span_id)
    return made + _SAMPLED if sampled else made


def _trace(trace_id: str) -> bytes:
    if len(_traces) >= wire.CACHE_LIMIT:
        _traces.clear()
    made = _traces[trace_id] = b"\x4a\x10" + bytes.fromhex(trace_id) + b"\x52\x08"
    return made


def record_field(parts: Iterable[bytes]) -> bytes:
    """Return the parts of a record as one field of a ``ScopeLogs`` message."""
    body = b"".join(parts)
    return b"\x12" + wire.varint(len(body)) + body


def encode_record(record: LogData) -> bytes:
    """Return *record* as one ``log_records`` field of a ``ScopeLogs`` message, tag and length included."""
    time, observed, event_name, severity, body, trace_id, span_id, sampled, attributes, dropped = record
    begin = _heads.get((event_name, severity))
    if begin is None:
        if len(_heads) >= wire.CACHE_LIMIT:
            _heads.clear()
        begin = _heads[event_name, severity] = head(event_name, severity)
    parts = [times(0x09, time, 0x59, observed), begin]
    parts.append(wire.field(b"\x2a", wire.field(b"\x0a", wire.text(body))))
    wire.attributes(TAG, attributes, parts)
    if dropped:
        parts.append(b"\x38" + wire.varint(dropped))
    if trace_id:
        parts.append(joined(trace_id, span_id, sampled))
    elif sampled:
        parts.append(_SAMPLED)
    return record_field(parts)
