"""Runs that a sensor or schedule asked for, told where Dagster launches them."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from flowstone.hosting import emit
from flowstone.plugin import SensorTrigger
from flowstone_dagster import told
from flowstone_dagster.identity import run_span, scope_of_run, trigger_of_run, trigger_span
from flowstone_dagster.rows import RunRow
from flowstone_dagster.told import Entry, Instance, nanoseconds

SENSOR_TAG: Final = "dagster/sensor_name"
SCHEDULE_TAG: Final = "dagster/schedule_name"
_ATTRIBUTES: Final = {
    "flowstone.dagster.run_key": "dagster/run_key",
    "flowstone.dagster.tick_id": "dagster/tick",
}
_REMEMBERED: Final = 4096

_told: OrderedDict[str, None] = OrderedDict()


def on_enqueued(instance: Instance, entry: Entry) -> None:
    """Tell the trigger of a run that enters the queue."""
    row = instance.get_run_by_id(entry.run_id)
    if row is not None and _asked_for(row):
        _tell(instance, row, entry)


def on_starting(instance: Instance, entry: Entry) -> None:
    """Tell the trigger of a run that is launched without a queue."""
    row = instance.get_run_by_id(entry.run_id)
    if row is not None and _asked_for(row) and not _was_queued(instance, entry.run_id):
        _tell(instance, row, entry)


def _asked_for(row: RunRow) -> bool:
    # A re-execution takes over its predecessor's tags.
    return row.run_id not in _told and not row.parent_run_id and _name(row) != ""


def _name(row: RunRow) -> str:
    return row.tags.get(SENSOR_TAG) or row.tags.get(SCHEDULE_TAG) or ""


def _was_queued(instance: Instance, run_id: str) -> bool:
    from dagster import DagsterEventType  # late: this module is imported while Dagster still is

    # Another process may have told it; the same trigger a second time would count twice.
    return any(True for _ in instance.all_logs(run_id, of_type={DagsterEventType(told.RUN_ENQUEUED)}))


def _tell(instance: Instance, row: RunRow, entry: Entry) -> None:
    _told[row.run_id] = None
    while len(_told) > _REMEMBERED:
        _told.popitem(last=False)
    own, poll = scope_of_run(row, instance), trigger_of_run(row, instance)
    known = {key: row.tags[tag] for key, tag in _ATTRIBUTES.items() if tag in row.tags}
    emit(
        SensorTrigger,
        scope=poll or own,
        span_id=trigger_span(row.run_id),
        # Where the poll was not seen, the trigger is all that is known, and goes with the run.
        parent_id=poll.parent_id if poll is not None else run_span(row.run_id),
        time=nanoseconds(entry),
        sensor=_name(row),
        attributes={
            **known,
            "flowstone.dagster.instigator": "sensor" if SENSOR_TAG in row.tags else "schedule",
            "flowstone.dagster.run_trace_id": own.trace_hex,
        },
    )
