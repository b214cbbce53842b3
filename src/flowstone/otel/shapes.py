"""Which event becomes which span, as data: name, kind and attributes.

The actor of a checkpoint decision is personal data and stays off the span; the audit has it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

from opentelemetry.trace import SpanKind

from flowstone.catalogue.block import BLOCKS, BlockStop
from flowstone.catalogue.checkpoint import (
    CheckpointApproved,
    CheckpointRejected,
    CheckpointRequested,
    CheckpointTimeout,
)
from flowstone.catalogue.event import CustomEvent, Event
from flowstone.catalogue.io import IoLoadException, IoLoadStop, IoStoreException, IoStoreStop
from flowstone.catalogue.materialization import MaterializationException, MaterializationStop
from flowstone.catalogue.operation import OperationEnd, OperationStart
from flowstone.catalogue.registry import builtin_events, name_of
from flowstone.catalogue.resource import ResourceHealthCheck
from flowstone.catalogue.run import RunException, RunStop
from flowstone.catalogue.sensor import SensorPoll, SensorTrigger
from flowstone.catalogue.values import AttributeValue
from flowstone.otel import names

COMMON: Final = (
    (names.CORRELATION_ID, "correlation_id"),
    (names.RUN_ID, "run_id"),
    (names.PIPELINE, "pipeline"),
    (names.ORCHESTRATOR, "orchestrator"),
)
_END: Final = ((names.OUTCOME, "status"), (names.CPU_TIME, "cpu_time"), (names.MEMORY_PEAK, "peak_rss"))
_IO: Final = (
    (names.ASSET, "asset"),
    (names.PARTITION, "partition"),
    (names.IO_MANAGER, "io_manager"),
    (names.IO_SIZE, "size_bytes"),
    (names.IO_ROWS, "rows"),
    *_END,
)
_VERDICT: Final = (
    (names.CHECKPOINT, "checkpoint"),
    (names.CHECKPOINT_ID, "checkpoint_id"),
    (names.CHECKPOINT_REASON, "reason"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanShape:
    """How the spans of some events look.

    Attributes:
        events: The events that end such a span, or are one.
        name: What the span's name begins with; the whole name where *subject* is empty.
        subject: The event field that completes the name.
        kind: The span's kind.
        attributes: Pairs of attribute name and event field; empty fields become no attribute.
        constants: Attributes that are the same on each of these spans.
        duration: The event field that tells how long the span lasted, empty for a span without extent.
    """

    events: tuple[type[Event], ...]
    name: str
    subject: str = ""
    kind: SpanKind = SpanKind.INTERNAL
    attributes: tuple[tuple[str, str], ...] = ()
    constants: tuple[tuple[str, AttributeValue], ...] = ()
    duration: str = "duration"


SHAPES: Final[tuple[SpanShape, ...]] = (
    SpanShape(
        events=(RunStop, RunException),
        name="run",
        subject="pipeline",
        kind=SpanKind.SERVER,  # as cicd's runs; backends take it for the entry of the service
        attributes=((names.RUN_ATTEMPT, "attempt"), *_END),
    ),
    SpanShape(
        events=(MaterializationStop, MaterializationException),
        name="materialize",
        subject="asset",
        attributes=(
            (names.ASSET, "asset"),
            (names.PARTITION, "partition"),
            (names.MATERIALIZATION_ATTEMPT, "attempt"),
            (names.MATERIALIZATION_SIZE, "size_bytes"),
            (names.MATERIALIZATION_ROWS, "rows"),
            *_END,
        ),
    ),
    SpanShape(
        events=(IoLoadStop, IoLoadException),
        name="load",
        subject="asset",
        attributes=_IO,
        constants=((names.IO_OPERATION, "load"),),
    ),
    SpanShape(
        events=(IoStoreStop, IoStoreException),
        name="store",
        subject="asset",
        attributes=_IO,
        constants=((names.IO_OPERATION, "store"),),
    ),
    SpanShape(
        events=(CheckpointRequested,),
        name="checkpoint request",
        subject="checkpoint",
        kind=SpanKind.PRODUCER,
        attributes=(*_VERDICT[:2], (names.CHECKPOINT_TIMEOUT, "timeout")),
        duration="",
    ),
    # A verdict's duration is the wait for it, which may be days; it is a metric, not the span's length.
    *(
        SpanShape(
            events=(event,),
            name="checkpoint resume",
            subject="checkpoint",
            kind=SpanKind.CONSUMER,
            attributes=_VERDICT,
            constants=((names.CHECKPOINT_DECISION, decision),),
            duration="",
        )
        for event, decision in (
            (CheckpointApproved, "approved"),
            (CheckpointRejected, "rejected"),
            (CheckpointTimeout, "timeout"),
        )
    ),
    SpanShape(
        events=(ResourceHealthCheck,),
        name="health check",
        subject="resource",
        attributes=((names.RESOURCE, "resource"), (names.RESOURCE_STATUS, "status")),
    ),
    SpanShape(
        events=(SensorPoll,),
        name="poll",
        subject="sensor",
        attributes=((names.SENSOR, "sensor"), (names.SENSOR_RESULT, "result")),
    ),
    SpanShape(
        events=(SensorTrigger,),
        name="trigger",
        subject="pipeline",
        kind=SpanKind.PRODUCER,
        attributes=((names.SENSOR, "sensor"),),
        duration="",
    ),
)
_NO_ATTRIBUTES: Final = frozenset({"kind", "error", "links", "process"})  # they have other places on a span
_BY_EVENT: Final = {event: shape for shape in SHAPES for event in shape.events}


def shape_of(event: type[Event]) -> SpanShape | None:
    """Return the shape of the spans that *event* makes, none if it makes no span.

    Events that plugins add need no entry here: their subject names the span, and each field of
    their own becomes an attribute ``flowstone.<subject>.<field>``. Starts and heartbeats, and what
    flowstone tells about itself, make no spans.
    """
    shape = _BY_EVENT.get(event)
    if shape is not None or event in builtin_events() or issubclass(event, OperationStart):
        return shape
    if event is CustomEvent:
        return SpanShape(events=(event,), name="", subject="name", duration="")
    if event in BLOCKS.values():
        return SpanShape(events=(event,), name="", subject="block", attributes=_END)
    is_end = issubclass(event, OperationEnd)
    known = {own.name for own in fields(OperationEnd)} | _NO_ATTRIBUTES
    own = [(f"flowstone.{event.subject}.{name}", name) for name in _field_names(event) if name not in known]
    return SpanShape(
        events=(event,),
        name=event.subject if is_end else name_of(event),
        attributes=(*own, *_END) if is_end else tuple(own),
        duration="duration" if is_end else "",
    )


def start_shape_of(event: type[Event]) -> SpanShape | None:
    """Return the shape of the span that *event* begins; of a point, the span it is."""
    if not issubclass(event, OperationStart):
        return shape_of(event)
    if event in BLOCKS.values():
        return shape_of(BlockStop)
    for shape in SHAPES:
        if shape.events[0].subject == event.subject:
            return shape
    return SpanShape(events=(event,), name=event.subject)


def _field_names(event: type[Event]) -> list[str]:
    return [own.name for own in fields(event)]
