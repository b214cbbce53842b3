"""Which event moves which metric, as data; docs and dashboards are generated from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from flowstone.catalogue.checkpoint import (
    CheckpointApproved,
    CheckpointRejected,
    CheckpointRequested,
    CheckpointTimeout,
)
from flowstone.catalogue.event import Event
from flowstone.catalogue.house import EventDropped, PluginFailed
from flowstone.catalogue.io import IoLoadException, IoLoadStop, IoStoreException, IoStoreStop
from flowstone.catalogue.materialization import (
    MaterializationException,
    MaterializationStart,
    MaterializationStop,
)
from flowstone.catalogue.registry import name_of
from flowstone.catalogue.resource import ResourceHealthCheck
from flowstone.catalogue.run import RunException, RunStop
from flowstone.catalogue.sensor import SensorPoll, SensorTrigger
from flowstone.otel import names
from flowstone.runtime import measures
from flowstone.runtime.export.data import InstrumentKind

SECONDS: Final = 1e9  # events measure in nanoseconds; dividing rounds better than multiplying by 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One attribute of a metric.

    Attributes:
        key: The attribute's name.
        field: The event field it comes from; ``error.type`` for the type of the event's error.
        of_event: Derives it from the event class, where it is no field.
    """

    key: str
    field: str = ""
    of_event: Callable[[type[Event]], str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One metric, and what moves it.

    Attributes:
        name: The metric's name.
        kind: What is made of the measurements.
        unit: UCUM unit.
        description: What the metric tells.
        labels: Its attributes.
        events: The events that are measured.
        value: The event field that is measured; empty to count the event itself.
        per: How many of the field's units make one of the metric's.
        buckets: Bounds of a histogram's buckets.
        only: Statuses that count; empty for all.
        opened_by: For the number of things under way: events that begin one. *events* end one.
        identity: For the number of things under way: the field by which begin and end meet.
        states: For a status: its closed set. Each state is a series, 1 for the present one, else 0.
    """

    name: str
    kind: InstrumentKind
    unit: str
    description: str
    labels: tuple[Label, ...]
    events: tuple[type[Event], ...]
    value: str = ""
    per: float = 1
    buckets: tuple[float, ...] = ()
    only: tuple[str, ...] = ()
    opened_by: tuple[type[Event], ...] = ()
    identity: str = "span_id"
    states: tuple[str, ...] = ()


_PIPELINE: Final = Label(key=names.PIPELINE, field="pipeline")
_ORCHESTRATOR: Final = Label(key=names.ORCHESTRATOR, field="orchestrator")
_OUTCOME: Final = Label(key=names.OUTCOME, field="status")
_ERROR: Final = Label(key=names.ERROR_TYPE, field="error.type")
_ASSET: Final = Label(key=names.ASSET, field="asset")
_CHECKPOINT: Final = Label(key=names.CHECKPOINT, field="checkpoint")
_OPERATION: Final = Label(key=names.IO_OPERATION, of_event=lambda cls: cls.subject.rpartition(".")[2])
_DECISION: Final = Label(key=names.CHECKPOINT_DECISION, of_event=lambda cls: name_of(cls).rpartition(".")[2])
_MANAGER: Final = Label(key=names.IO_MANAGER, field="io_manager")
_SENSOR: Final = Label(key=names.SENSOR, field="sensor")
_RESOURCE: Final = Label(key=names.RESOURCE, field="resource")
_IO_STOPS: Final = (IoLoadStop, IoStoreStop)
_VERDICTS: Final = (CheckpointApproved, CheckpointRejected, CheckpointTimeout)
_SHORT: Final = (0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)

INSTRUMENTS: Final[tuple[Instrument, ...]] = (
    Instrument(
        name="flowstone.run.duration",
        kind="histogram",
        unit="s",
        description="How long runs took, whatever their outcome.",
        labels=(_PIPELINE, _ORCHESTRATOR, _OUTCOME, _ERROR),
        events=(RunStop, RunException),
        value="duration",
        per=SECONDS,
        buckets=(
            1.0,
            5.0,
            10.0,
            30.0,
            60.0,
            120.0,
            300.0,
            600.0,
            1800.0,
            3600.0,
            7200.0,
            14400.0,
            28800.0,
            86400.0,
        ),
    ),
    Instrument(
        name="flowstone.materialization.duration",
        kind="histogram",
        unit="s",
        description="How long attempts to materialize an asset took, whatever their outcome.",
        labels=(_PIPELINE, _ORCHESTRATOR, _OUTCOME, _ERROR, _ASSET),
        events=(MaterializationStop, MaterializationException),
        value="duration",
        per=SECONDS,
        buckets=(
            *(0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 120.0),
            *(300.0, 600.0, 1800.0, 3600.0, 7200.0, 14400.0, 28800.0),
        ),
    ),
    Instrument(
        name="flowstone.materialization.active",
        kind="updowncounter",
        unit="{materialization}",
        description="Materializations under way in the process.",
        labels=(_PIPELINE,),
        opened_by=(MaterializationStart,),
        events=(MaterializationStop, MaterializationException),
    ),
    Instrument(
        name="flowstone.asset.last_success.time",
        kind="gauge",
        unit="s",
        description="Unix time at which the asset was last materialized with success.",
        labels=(_ASSET,),
        events=(MaterializationStop,),
        value="time",
        per=SECONDS,
        only=("success",),
    ),
    Instrument(
        name="flowstone.io.duration",
        kind="histogram",
        unit="s",
        description="How long io managers took to load or store an asset.",
        labels=(_OPERATION, _MANAGER, _ERROR),
        events=(*_IO_STOPS, IoLoadException, IoStoreException),
        value="duration",
        per=SECONDS,
        buckets=_SHORT,
    ),
    Instrument(
        name="flowstone.io.size",
        kind="histogram",
        unit="By",
        description="Bytes loaded or stored at a time; the sum is the bytes moved.",
        labels=(_OPERATION, _MANAGER),
        events=_IO_STOPS,
        value="size_bytes",
        buckets=tuple(float(1024 * 8**power) for power in range(11)),
    ),
    Instrument(
        name="flowstone.io.rows",
        kind="histogram",
        unit="{row}",
        description="Rows loaded or stored at a time; the sum is the rows moved.",
        labels=(_OPERATION, _MANAGER),
        events=_IO_STOPS,
        value="rows",
        buckets=tuple(float(10**power) for power in range(10)),
    ),
    Instrument(
        name="flowstone.checkpoint.wait.duration",
        kind="histogram",
        unit="s",
        description="How long checkpoints waited for their verdict.",
        labels=(_CHECKPOINT, _DECISION),
        events=_VERDICTS,
        value="duration",
        per=SECONDS,
        buckets=(1.0, 10.0, 60.0, 600.0, 3600.0, 14400.0, 86400.0, 259200.0, 604800.0),
    ),
    Instrument(
        name="flowstone.checkpoint.pending",
        kind="updowncounter",
        unit="{checkpoint}",
        description="Checkpoints requested in the process that wait for their verdict; one given elsewhere on the host counts.",
        labels=(_PIPELINE, _CHECKPOINT),
        opened_by=(CheckpointRequested,),
        events=_VERDICTS,
        identity="checkpoint_id",
    ),
    Instrument(
        name="flowstone.sensor.poll.duration",
        kind="histogram",
        unit="s",
        description="How long sensors took to look.",
        labels=(_SENSOR, Label(key=names.SENSOR_RESULT, field="result")),
        events=(SensorPoll,),
        value="duration",
        per=SECONDS,
        buckets=_SHORT,
    ),
    Instrument(
        name="flowstone.sensor.triggers",
        kind="counter",
        unit="{run}",
        description="Runs that sensors triggered.",
        labels=(_SENSOR, _PIPELINE),
        events=(SensorTrigger,),
    ),
    Instrument(
        name="flowstone.resource.check.duration",
        kind="histogram",
        unit="s",
        description="How long it took to look at a resource.",
        labels=(_RESOURCE, Label(key=names.RESOURCE_STATUS, field="status")),
        events=(ResourceHealthCheck,),
        value="duration",
        per=SECONDS,
        buckets=_SHORT,
    ),
    Instrument(
        name="flowstone.resource.status",
        kind="updowncounter",
        unit="1",
        description="1 for the status a resource is in, 0 for the others.",
        labels=(_RESOURCE, Label(key=names.RESOURCE_STATUS, field="status")),
        events=(ResourceHealthCheck,),
        states=("healthy", "degraded", "unhealthy", "unknown"),
    ),
    Instrument(
        name="flowstone.telemetry.dropped",
        kind="counter",
        unit="{event}",
        description="Events and spans that flowstone lost, by reason.",
        labels=(Label(key=names.REASON, field="reason"),),
        events=(EventDropped,),
        value="count",
    ),
    Instrument(
        name="flowstone.telemetry.errors",
        kind="counter",
        unit="{error}",
        description="Failures of flowstone's own plugins and exporters, by where they happened.",
        labels=(Label(key=names.REASON, field="plugin"),),
        events=(PluginFailed,),
    ),
)


def of_plugins() -> tuple[Instrument, ...]:
    """Return the metrics that plugins let be read, as instruments that no event moves."""
    return tuple(
        Instrument(
            name=one.name,
            kind=one.kind,
            unit=one.unit,
            description=one.description,
            labels=tuple(Label(key=key) for key in one.labels),
            events=(),
        )
        for one in measures.registered()
    )
