"""The default handler: one JSON line per event, through stdlib logging."""

from __future__ import annotations

import logging
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


def line_of(event: Event) -> bytes:
    """Return the JSON line of *event*, without a line end; control characters are escaped by JSON."""
    line: dict[str, object] = {
        "timestamp": f"{event.time // 1_000_000_000}.{event.time % 1_000_000_000:09d}",
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
