from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import ScopeLogs

from flowstone.otel.log_events import LogEvents
from flowstone.otel.log_templates import RecordEncoder
from flowstone.plugin import (
    CheckpointApproved,
    CheckpointRejected,
    CheckpointRequested,
    CheckpointTimeout,
    CustomEvent,
    Error,
    Event,
    EventDropped,
    IoLoadException,
    IoLoadStart,
    IoStoreStop,
    MaterializationException,
    MaterializationStart,
    MaterializationStop,
    PluginFailed,
    ResourceHealthCheck,
    RunException,
    RunHeartbeat,
    RunStart,
    RunStop,
    SensorPoll,
    SensorTrigger,
)
from flowstone.runtime.export.data import DEBUG, FAULT, INFO, WARN, LogData
from flowstone.runtime.export.log_encode import encode_record

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
IDS: dict[str, Any] = {"trace_id": TRACE, "span_id": SPAN, "correlation_id": "c1", "run_id": "r1", "time": 7}
BAD = Error(type="ValueError", message="no", stack="Traceback ...")


def of(*events: Event, lowest: int = INFO) -> list[LogData]:
    return LogEvents(lowest).of(events)


@pytest.mark.parametrize(
    ("event", "severity"),
    [
        (RunStart(**IDS), INFO),
        (RunHeartbeat(**IDS), INFO),
        (RunStop(**IDS), INFO),
        (RunException(**IDS, status="failure", error=BAD), FAULT),
        (RunException(**IDS, status="cancellation", error=BAD), WARN),
        (MaterializationStart(asset="a", **IDS), INFO),
        (MaterializationStop(asset="a", **IDS), INFO),
        (MaterializationStop(asset="a", status="skip", **IDS), INFO),
        (MaterializationStop(asset="a", status="timeout", **IDS), FAULT),
        (MaterializationException(asset="a", status="failure", error=BAD, **IDS), FAULT),
        (IoLoadException(asset="a", status="failure", error=BAD, **IDS), FAULT),
        (CheckpointRequested(checkpoint="c", **IDS), INFO),
        (CheckpointApproved(checkpoint="c", **IDS), INFO),
        (CheckpointRejected(checkpoint="c", **IDS), WARN),
        (CheckpointTimeout(checkpoint="c", **IDS), WARN),
        (ResourceHealthCheck(resource="w", status="healthy", **IDS), INFO),
        (ResourceHealthCheck(resource="w", status="degraded", **IDS), WARN),
        (ResourceHealthCheck(resource="w", status="unhealthy", **IDS), FAULT),
        (SensorPoll(sensor="s", result="error", error=BAD, **IDS), FAULT),
        (SensorTrigger(sensor="s", **IDS), INFO),
        (CustomEvent(name="mine.happened", **IDS), INFO),
    ],
    ids=lambda value: value.name if isinstance(value, Event) else str(value),
)
def test_each_event_has_its_name_severity_time_and_ids(event: Event, severity: int) -> None:
    """An event becomes one record: its name prefixed, its severity, its own time, its ids in their places."""
    (record,) = of(event)
    assert (f"flowstone.{event.name}", severity, 7) == (record.event_name, record.severity, record.time)
    assert (TRACE, SPAN) == (record.trace_id, record.span_id)
    assert "c1" == record.attributes["flowstone.correlation.id"]
    assert "r1" == record.attributes["flowstone.run.id"]


QUIET = [IoLoadStart(asset="a", **IDS), IoStoreStop(asset="a", **IDS), SensorPoll(sensor="s", **IDS)]


def test_loads_stores_and_polls_are_off_by_default() -> None:
    """Records below INFO are made only where they are asked for."""
    assert [] == of(*QUIET)
    assert [DEBUG] * 3 == [record.severity for record in of(*QUIET, lowest=DEBUG)]


def test_what_flowstone_tells_of_itself_makes_no_record() -> None:
    """A lost log record must not make another one."""
    assert [] == of(EventDropped(event="logs"), PluginFailed(plugin="p"), lowest=DEBUG)


def test_health_is_told_on_change_only() -> None:
    """A resource that stays as it is is told once."""
    states = ("healthy", "healthy", "unhealthy", "unhealthy", "healthy")
    events = [ResourceHealthCheck(resource="w", status=status, **IDS) for status in states]  # type: ignore[arg-type]
    found = [record.attributes["flowstone.resource.status"] for record in of(*events)]
    assert ["healthy", "unhealthy", "healthy"] == found


def test_an_exception_is_recorded_once() -> None:
    """The exception is on the innermost record; the records above it tell its type and its text."""
    inner = MaterializationException(asset="a", status="failure", error=BAD, **{**IDS, "parent_id": "f" * 16})
    outer = RunException(pipeline="p", status="failure", error=BAD, **{**IDS, "span_id": "f" * 16})
    first, second = of(inner, outer)
    assert ("no", "Traceback ...") == (
        first.attributes["exception.message"],
        first.attributes["exception.stacktrace"],
    )
    assert not [key for key in second.attributes if key.startswith("exception.")]
    assert "ValueError" == first.attributes["error.type"] == second.attributes["error.type"]
    assert "run.exception p: ValueError: no" == second.body


@pytest.mark.parametrize(
    "event",
    [
        RunStart(pipeline="p", **IDS),
        RunStop(pipeline="p", duration=5, cpu_time=7, sampled=False, **IDS),
        MaterializationStart(asset="a", partition="2025-01-15", attributes={"own": 1}, **IDS),
        MaterializationStart(asset="a", partition=datetime(2025, 1, 15, tzinfo=UTC), **IDS),
        MaterializationStop(asset="a", attempt=2, size_bytes=10, rows=3, status="skip", **IDS),
        MaterializationStop(asset="a", status="timeout", **IDS),
        IoStoreStop(asset="a", io_manager="s3", rows=3, **IDS),
    ],
    ids=lambda event: f"{event.name}-{getattr(event, 'status', '')}",
)
def test_the_short_way_says_the_same(event: Event) -> None:
    """A record that is made straight from its event is the one that the long way makes."""
    short = RecordEncoder(DEBUG).of(event, 9)
    record = LogEvents(DEBUG).one(event, 9)
    assert record is not None
    if short is not None:
        expected, found = (
            ScopeLogs.FromString(made).log_records[0] for made in (encode_record(record), short)
        )
        for one in (expected, found):
            one.attributes.sort(key=lambda pair: pair.key)
        assert expected == found
