"""Whether what the demo told went to a collector as well."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

_ENDPOINTS: Final = tuple(
    f"OTEL_EXPORTER_OTLP_{signal}ENDPOINT" for signal in ("", "TRACES_", "METRICS_", "LOGS_")
)

_LOSSES: Final = ("export.dropped.", "export.failed.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of the telemetry of the first run.

    Attributes:
        endpoint: Where it was sent, without user names and passwords.
        delivered: Whether all of it was taken.
    """

    endpoint: str
    delivered: bool

    def __str__(self) -> str:
        if self.delivered:
            return f"The telemetry also went to {self.endpoint}; search there for the correlation id."
        return f"{self.endpoint} did not take all telemetry of the first run; the runs themselves did not suffer."


def delivery(month: dict[str, Any]) -> Delivery | None:
    """Return what became of the telemetry; None where no endpoint is set."""
    endpoint = next((found for name in _ENDPOINTS if (found := os.environ.get(name))), None)
    if endpoint is None:
        return None
    lost = any(key.startswith(_LOSSES) and number for key, number in month["counters"].items())
    return Delivery(endpoint=_plain(endpoint), delivered=bool(month["delivered"]) and not lost)


def _plain(endpoint: str) -> str:
    parts = urlsplit(endpoint)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
