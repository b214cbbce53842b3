"""Entries as CloudEvents 1.0 in JSON (https://github.com/cloudevents/spec, JSON event format).

| CloudEvents | of the entry |
|---|---|
| ``id`` | ``id``, 32 hex digits |
| ``source`` | ``urn:flowstone:audit:<log id>`` |
| ``type`` | ``flowstone.audit.`` and the event type |
| ``time`` | ``occurred_at`` |
| ``subject`` | ``resource_type/resource_id`` |
| ``data`` | ``details`` and what has no attribute here |
| ``sequence`` (extension) | ``seq``, filled up to 19 digits: compared as texts they have the order of the log |
| ``recordedtime`` (extension) | ``inserted_at`` |
| ``authtype``, ``authid`` (extension auth context) | ``actor_type`` (``api`` is ``api_key``), ``actor_id`` |
| ``correlationid`` (extension correlation) | ``correlation_id`` |
| ``traceparent`` (extension distributed tracing) | ``trace_id`` and ``span_id``; the sampled flag is not known and 0 |

Attributes hold no control characters, surrogates or noncharacters: those are written ``%XX``, and ``%`` is ``%25``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from flowstone_audit.entry import AuditEntry, shown

PREFIX: Final = "flowstone.audit."
_AUTH: Final[Mapping[str, str]] = {"user": "user", "api": "api_key", "system": "system"}
_FORBIDDEN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f%\ud800-\udfff\ufdd0-\ufdef"
    + "".join(f"{chr(plane << 16 | 0xFFFE)}{chr(plane << 16 | 0xFFFF)}" for plane in range(17))
    + "]"
)
_TRACE: Final = re.compile("[0-9a-f]{32}")
_SPAN: Final = re.compile("[0-9a-f]{16}")


def of(entry: AuditEntry, log_id: str, *, private: bool = True) -> dict[str, Any]:
    """Return an entry as a CloudEvent: JSON values, what is not known is left out.

    Args:
        entry: The entry.
        log_id: UUID text of its log.
        private: Whether ``client_ip``, ``user_agent`` and ``private`` are told.
    """
    attributes = {
        "specversion": "1.0",
        "id": entry.id,
        "source": f"urn:flowstone:audit:{log_id}",
        "type": PREFIX + _text(entry.event_type),
        "time": _moment(entry.occurred_at),
        "subject": _subject(entry),
        "datacontenttype": "application/json",
        "sequence": None if entry.seq is None else f"{entry.seq:019d}",
        "recordedtime": _moment(entry.inserted_at),
        "authtype": _AUTH.get(entry.actor_type, "unknown"),
        "authid": _text(entry.actor_id),
        "correlationid": _text(entry.correlation_id or ""),
        "traceparent": _traceparent(entry),
        "data": _data(entry, private),
    }
    return {name: value for name, value in attributes.items() if value}


def _data(entry: AuditEntry, private: bool) -> dict[str, Any]:
    names = [
        "action",
        "outcome",
        "run_id",
        "writer",
        "ordinal",
        *(("client_ip", "user_agent") if private else ()),
    ]
    held = {name: getattr(entry, name) for name in names}
    found = {name: value for name, value in held.items() if value is not None}
    found["details"] = shown(entry.details_text)
    if private and entry.private_text is not None:
        found["private"] = shown(entry.private_text)
    if entry.erased:
        found["erased"] = True
    found["row_hash"] = entry.row_hash.hex()
    return found


def _subject(entry: AuditEntry) -> str | None:
    return "/".join(_text(part) for part in (entry.resource_type, entry.resource_id) if part) or None


def _text(given: str) -> str:
    """Return a text as an attribute may hold it."""
    return _FORBIDDEN.sub(lambda found: quote(found[0], errors="replace"), given)


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="microseconds")


def _traceparent(entry: AuditEntry) -> str | None:
    if not (_TRACE.fullmatch(entry.trace_id or "") and _SPAN.fullmatch(entry.span_id or "")):
        return None
    return f"00-{entry.trace_id}-{entry.span_id}-00"
