"""Ended spans from events: the shapes, compiled once for each event class."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from hashlib import blake2b
from operator import attrgetter
from typing import Final

from flowstone.catalogue.event import Event
from flowstone.catalogue.operation import OperationEnd
from flowstone.catalogue.values import AttributeValue, Error, SpanEvent, partition_text
from flowstone.otel import names
from flowstone.otel.shapes import COMMON, SpanShape, shape_of, start_shape_of
from flowstone.runtime import severities
from flowstone.runtime.export.data import ERROR, UNSET, SpanData

FAILED: Final = severities.FAILED
"""Statuses that make an error of the span. A cancellation is nobody's fault, as in the SDK's own ``use_span``."""

CONVERTED: Final = (names.PARTITION, names.CPU_TIME, names.CHECKPOINT_ID)
"""Attributes whose fields are not attribute values as they are."""

_RECORDED_LIMIT: Final = 1024


class Once:
    """Knows whether an exception was recorded already, on a child of the operation it now passes through."""

    def __init__(self) -> None:
        self._recorded: dict[str, tuple[str, str]] = {}

    def __call__(self, event: Event, error: Error) -> bool:
        """Tell whether *error* is new at *event*'s span; remember it for the span above."""
        key = (error.type, error.message)
        if len(self._recorded) >= _RECORDED_LIMIT:
            self._recorded.clear()
        seen = self._recorded.pop(event.span_id, None) == key
        if event.parent_id:
            self._recorded[event.parent_id] = key
        return not seen


class Spans:
    """Makes spans of events, and records each exception once: on the innermost span it passed through."""

    def __init__(self) -> None:
        self._makers: dict[type[Event], _Maker | None] = {}
        self._starters: dict[type[Event], _Maker | None] = {}
        self._once = Once()

    def of(self, event: Event) -> SpanData | None:
        """Return the span that *event* ends, none if it ends none."""
        cls = type(event)
        try:
            make = self._makers[cls]
        except KeyError:
            shape = shape_of(cls)
            make = self._makers[cls] = _Maker(cls, shape, self._once) if shape else None
        return make(event) if make else None

    def started(self, event: Event) -> SpanData | None:
        """Return the span that *event* begins as it is known so far, none if it begins none."""
        cls = type(event)
        try:
            make = self._starters[cls]
        except KeyError:
            shape = start_shape_of(cls)
            make = self._starters[cls] = _Maker(cls, shape, _never) if shape else None
        return make(event) if make else None


def _never(event: Event, error: Error) -> bool:
    return False


class _Maker:
    """One shape, compiled for one event class."""

    def __init__(self, cls: type[Event], shape: SpanShape, once: Callable[[Event, Error], bool]) -> None:
        present = {own.name for own in fields(cls)}
        pairs = [(key, name) for key, name in (*COMMON, *shape.attributes) if name in present]
        self._once = once
        self._keys = tuple(key for key, _ in pairs)
        self._read = attrgetter(*(name for _, name in pairs))
        self._constants = dict(shape.constants)
        self._name, self._kind = shape.name, shape.kind.value
        self._subject = attrgetter(shape.subject) if shape.subject else None
        self._duration = attrgetter(shape.duration) if shape.duration in present else None
        self._is_end = issubclass(cls, OperationEnd)
        self._has_error, self._has_links = "error" in present, "links" in present

    def __call__(self, event: Event) -> SpanData:
        """Return the span that *event* ends."""
        values = self._constants.copy()
        for key, value in zip(self._keys, self._read(event), strict=False):
            if value is not None and value != "":
                values[key] = value
        _convert(values)
        if event.attributes:
            values = {**event.attributes, **values}
        subject = self._subject(event) if self._subject else ""
        name = f"{self._name} {subject}".lstrip() if subject else self._name
        end = event.time
        moments: tuple[SpanEvent, ...] = ()
        status, description = UNSET, ""
        if isinstance(event, OperationEnd):
            name = event.span_name or name
            moments = event.span_events
            if event.status in FAILED:
                status = ERROR
                values[names.ERROR_TYPE] = "_OTHER"
        error: Error | None = event.error if self._has_error else None  # type: ignore[attr-defined]
        if error is not None:
            if status == ERROR or not self._is_end:
                status, description = ERROR, error.message
                values[names.ERROR_TYPE] = error.type
            if self._once(event, error):
                moments = (*moments, _exception(error, end))
        start = end - (self._duration(event) or 0) if self._duration else end
        links = event.links if self._has_links else ()  # type: ignore[attr-defined]
        ids = (event.trace_id, event.span_id, event.parent_id)
        return SpanData(*ids, name, self._kind, start, end, values, moments, links, status, description)


def rendered(key: str, value: object) -> AttributeValue:
    """Return a field's value in the form that backends get.

    Partitions as text, CPU time in seconds; of a checkpoint's token a digest, for whoever has it can decide.
    """
    if key == names.PARTITION:
        return partition_text(value) or ""  # type: ignore[arg-type]  # the field's type
    if key == names.CPU_TIME and isinstance(value, int):
        return value / 1e9
    if key == names.CHECKPOINT_ID:
        return blake2b(str(value).encode(), digest_size=8).hexdigest()
    return value  # type: ignore[return-value]  # the fields of shapes are attribute values


def _convert(values: dict[str, AttributeValue]) -> None:
    for key in CONVERTED:
        if key in values:
            values[key] = rendered(key, values[key])


def _exception(error: Error, time: int) -> SpanEvent:
    attributes = {names.EXCEPTION_TYPE: error.type, names.EXCEPTION_MESSAGE: error.message}
    if error.stack:
        attributes[names.EXCEPTION_STACK] = error.stack
    return SpanEvent(name="exception", time=time, attributes=attributes)
