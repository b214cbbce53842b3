"""How severe an event is, as a log record of OpenTelemetry's and as a line of our own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from flowstone.catalogue.checkpoint import (
    CheckpointApproved,
    CheckpointRejected,
    CheckpointRequested,
    CheckpointTimeout,
)
from flowstone.catalogue.event import CustomEvent, Event
from flowstone.catalogue.house import EventDropped, PluginFailed, PluginQuarantined
from flowstone.catalogue.io import IoLoadStart, IoLoadStop, IoStoreStart, IoStoreStop
from flowstone.catalogue.operation import OperationEnd, OperationException
from flowstone.catalogue.resource import ResourceHealthCheck
from flowstone.catalogue.sensor import SensorPoll
from flowstone.runtime.export.data import DEBUG, FAULT, INFO, WARN

FAILED: Final = frozenset({"failure", "error", "timeout"})
"""The ends of operations that somebody has to look at."""

_LEVELS: Final = {"debug": DEBUG, "info": INFO, "warn": WARN, "warning": WARN, "error": FAULT}
UNLOGGED: Final = (EventDropped, PluginFailed, PluginQuarantined)
"""What flowstone tells about itself: it is counted and measured, and must not feed the exporter it is about."""

_FIXED: Final[dict[type[Event], int]] = {
    IoLoadStart: DEBUG,
    IoLoadStop: DEBUG,
    IoStoreStart: DEBUG,
    IoStoreStop: DEBUG,
    CheckpointRequested: INFO,
    CheckpointApproved: INFO,
    CheckpointRejected: WARN,
    CheckpointTimeout: WARN,
}
_HEALTH: Final = {"healthy": INFO, "unknown": INFO, "degraded": WARN, "unhealthy": FAULT}


def level_of(text: str) -> int:
    """Return the severity that ``FLOWSTONE_OTEL_LOG_LEVEL`` names.

    Raises:
        ValueError: It is none.
    """
    found = _LEVELS.get(text.strip().lower())
    if found is None:
        raise ValueError(
            f"FLOWSTONE_OTEL_LOG_LEVEL is {text[:100]!r}; it has to be debug, info, warn or error"
        )
    return found


def severity_of(cls: type[Event]) -> Callable[[Event], int]:
    """Return what tells the severity of the events of a class."""
    fixed = _FIXED.get(cls)
    if fixed is not None:
        return lambda event: fixed
    if issubclass(cls, OperationEnd):
        return _exception if issubclass(cls, OperationException) else _stop
    if cls is CustomEvent:
        return _custom
    if cls is ResourceHealthCheck:
        return lambda event: _HEALTH.get(event.status, INFO)  # type: ignore[attr-defined]
    if cls is SensorPoll:
        return lambda event: FAULT if event.result == "error" else DEBUG  # type: ignore[attr-defined]
    return lambda event: INFO


def common_severity(cls: type[Event]) -> int:
    """Return the severity of an operation's start, or of its end where it ended well."""
    return _FIXED.get(cls, WARN if issubclass(cls, OperationException) else INFO)


def _stop(event: Event) -> int:
    return FAULT if event.status in FAILED else INFO  # type: ignore[attr-defined]


def _exception(event: Event) -> int:
    """Return ERROR for what failed; a cancellation is nobody's fault, and handled by whoever asked for it."""
    return FAULT if event.status in FAILED else WARN  # type: ignore[attr-defined]


def _custom(event: Event) -> int:
    """Return ERROR for what raised: of an event that no class is known of, its name says so."""
    if not event.name.endswith(".exception"):
        return INFO
    return WARN if event.attributes.get("status") == "cancellation" else FAULT
