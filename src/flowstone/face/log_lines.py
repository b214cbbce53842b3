"""The default handler: one JSON line per event, through stdlib logging."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Final

import orjson

from flowstone.catalogue.event import Event
from flowstone.catalogue.operation import OperationEnd, OperationException
from flowstone.catalogue.values import partition_text

LOGGER: Final = logging.getLogger("flowstone.events")


def log_event(event: Event) -> None:
    """Log *event*: INFO, or ERROR where something failed."""
    failed = isinstance(event, OperationException)
    LOGGER.log(logging.ERROR if failed else logging.INFO, "%s", line_of(event).decode())


def rfc3339(time: int) -> str:
    """Return Unix nanoseconds as UTC text with nanoseconds, ``2025-01-15T08:00:00.000000001Z`` (RFC 3339)."""
    seconds, nanoseconds = divmod(time, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"


def line_of(event: Event) -> bytes:
    """Return the JSON line of *event*, without a line end; control characters are escaped by JSON."""
    line: dict[str, object] = {
        "timestamp": rfc3339(event.time),
        "event": event.name,
        "asset": getattr(event, "asset", None),
        "partition": partition_text(getattr(event, "partition", None)),
        "run_id": event.run_id,
        "correlation_id": event.correlation_id,
        "trace_id": event.trace_id,
        "span_id": event.span_id,
    }
    if isinstance(event, OperationEnd):
        line["duration_ms"] = round(event.duration / 1e6, 3)
        line["status"] = event.status
    error = getattr(event, "error", None)
    if error is not None:
        line["error_type"], line["error_message"] = error.type, error.message
    return orjson.dumps({key: value for key, value in line.items() if value is not None})
