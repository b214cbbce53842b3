"""Log records from events: the second copy of the facts, found without the span and seen before its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from operator import attrgetter
from time import time_ns
from typing import Final

from flowstone.catalogue.event import Event
from flowstone.catalogue.operation import OperationEnd, OperationStart
from flowstone.catalogue.resource import ResourceHealthCheck
from flowstone.catalogue.values import AttributeValue, Error
from flowstone.otel import names
from flowstone.otel.shapes import COMMON, start_shape_of
from flowstone.otel.spans import CONVERTED, FAILED, Once, rendered
from flowstone.runtime.export.data import INFO, LogData
from flowstone.runtime.severities import UNLOGGED, severity_of

PREFIX: Final = "flowstone."
ON_SPANS_ONLY: Final = frozenset({names.CPU_TIME, names.MEMORY_PEAK})
_RESOURCES_LIMIT: Final = 4096
_NO_TRACE: Final = "0" * 32


class LogEvents:
    """Makes log records of events.

    Args:
        lowest: Severity below which there is no record. Loads, stores and polls are below INFO.
    """

    def __init__(self, lowest: int = INFO) -> None:
        self._lowest = lowest
        self._makers: dict[type[Event], _Maker | None] = {}
        self._once = Once()
        self._health: dict[str, str] = {}

    def of(self, batch: Sequence[Event]) -> list[LogData]:
        """Return the records of a batch."""
        now = time_ns()
        return [made for event in batch if (made := self.one(event, now)) is not None]

    def one(self, event: Event, now: int) -> LogData | None:
        """Return the record of *event*, none where it is below the lowest severity."""
        cls = type(event)
        try:
            make = self._makers[cls]
        except KeyError:
            make = self._makers[cls] = None if cls in UNLOGGED else _Maker(cls, self._once)
        if make is None:
            return None
        severity = make.severity(event)
        if severity < self._lowest or (isinstance(event, ResourceHealthCheck) and not self._changed(event)):
            return None
        return make(event, severity, now)

    def _changed(self, event: ResourceHealthCheck) -> bool:
        """Tell whether a resource is in another state than when it was last looked at in this process."""
        if len(self._health) >= _RESOURCES_LIMIT:
            self._health.clear()
        before = self._health.get(event.resource)
        self._health[event.resource] = event.status
        return before != event.status


class _Maker:
    """The record of one event class."""

    def __init__(self, cls: type[Event], once: Once) -> None:
        present = {own.name for own in fields(cls)}
        shape = start_shape_of(cls)
        own = shape.attributes if shape is not None else ()
        pairs = [(key, name) for key, name in (*COMMON, *own) if name in present and key not in ON_SPANS_ONLY]
        if issubclass(cls, OperationEnd) and (names.OUTCOME, "status") not in pairs:
            pairs.append((names.OUTCOME, "status"))
        self.severity = severity_of(cls)
        self._once = once
        self._keys = tuple(key for key, _ in pairs)
        self._read = attrgetter(*(name for _, name in pairs))
        self._constants = dict(shape.constants) if shape is not None else {}
        self._converts = any(key in CONVERTED for key in self._keys)
        names_it = (
            shape is not None and shape.name and shape.subject in present
        )  # else the name of the event does
        self._subject = attrgetter(shape.subject) if shape is not None and names_it else None
        self._has_error = "error" in present
        # The user's attributes are on the span of an operation; a point may have nothing else to say.
        self._is_point = not issubclass(cls, (OperationStart, OperationEnd))

    def __call__(self, event: Event, severity: int, now: int) -> LogData:
        """Return the record of *event*."""
        values: dict[str, AttributeValue] = dict(event.attributes) if self._is_point else {}
        values.update(self._constants)
        for key, value in zip(self._keys, self._read(event), strict=True):
            if value is not None and value != "":
                values[key] = rendered(key, value) if self._converts else value
        status = getattr(event, "status", "")
        error: Error | None = getattr(event, "error", None)
        if error is not None or status in FAILED:
            values[names.ERROR_TYPE] = error.type if error is not None else "_OTHER"
        if error is not None and self._once(event, error):
            values[names.EXCEPTION_TYPE] = error.type
            values[names.EXCEPTION_MESSAGE] = error.message
            if error.stack:
                values[names.EXCEPTION_STACK] = error.stack
        traced = event.trace_id != _NO_TRACE
        return LogData(
            event.time,
            now,
            PREFIX + event.name,
            severity,
            body_of(event.name, self._subject(event) if self._subject else "", status, error),
            event.trace_id if traced else "",
            event.span_id if traced else "",
            event.sampled,
            values,
        )


def body_of(name: str, subject: str, status: str, error: Error | None = None) -> str:
    """Return the line that readers see: what happened, to what, and how it ended."""
    line = f"{name} {subject}" if subject and subject != name else name
    if error is not None:
        return f"{line}: {error.type}: {error.message}"
    return f"{line}: {status}" if status else line
