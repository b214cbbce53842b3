"""Runs, from the events that Dagster tells about them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Final

from flowstone.hosting import Run
from flowstone.plugin import Error
from flowstone_dagster import links, told
from flowstone_dagster.failures import error_of_info, is_interrupt
from flowstone_dagster.identity import CORRELATION_TAG, parent_of_run, run_span, scope_of_id
from flowstone_dagster.legs import end_run, kind_of
from flowstone_dagster.rows import RunRow
from flowstone_dagster.statuses import Status
from flowstone_dagster.told import Entry, Instance, nanoseconds
from flowstone_dagster.wall import walled
from flowstone_dagster.who import actor_of

RETRY_TAG: Final = "dagster/retry_number"
"""Dagster's tag on automatic re-executions: 1 on the first."""

_REMEMBERED: Final = 1024
_LONGEST_CHAIN: Final = 32  # of re-executions that are followed back
_REASONS: Final[dict[str, Status]] = {
    "START_TIMEOUT": "timeout",
    "RUN_WORKER_RESTART": "error",
    "UNEXPECTED_TERMINATION": "error",
}

_open: dict[str, Run] = {}
_ended: OrderedDict[str, None] = OrderedDict()


def began_here(run_id: str) -> bool:
    """Tell whether this process is the run's own: its start was told here."""
    return run_id in _open or run_id in _ended


def on_start(instance: Instance, entry: Entry) -> None:
    """Tell the run's start; once."""
    if began_here(entry.run_id):
        return
    run = _operation(instance, entry, nanoseconds(entry))
    _open[entry.run_id] = run
    run.begin()
    _carry_out(instance, entry.run_id, run.correlation_id)


@walled
def _carry_out(instance: Instance, run_id: str, correlation_id: str) -> None:
    """Write the correlation id into the run's tags: people see it there, and re-executions take it over."""
    row = instance.get_run_by_id(run_id)
    if row is not None and correlation_id and CORRELATION_TAG not in row.tags:
        instance.add_run_tags(run_id, {CORRELATION_TAG: correlation_id})


def is_over(run_id: str) -> bool:
    """Tell whether this process has told the run's end."""
    return run_id in _ended


def on_end(instance: Instance, entry: Entry) -> None:
    """Tell how the run ended; once in a process, and alike in each."""
    if entry.run_id in _ended:
        return
    _ended[entry.run_id] = None
    while len(_ended) > _REMEMBERED:
        _ended.popitem(last=False)
    status, error = _outcome(entry)
    run = _open.pop(entry.run_id, None)
    if run is None:
        _end_elsewhere(instance, entry, status, error)
        return
    if status == "cancellation":
        run.failure_kind = kind_of(status)
    run.finish(error, status=status, time=nanoseconds(entry))


def _end_elsewhere(instance: Instance, entry: Entry, status: Status, error: Error | None) -> None:
    """End the run of another process; one that never started begins now."""
    time = nanoseconds(entry)
    record = instance.get_run_record_by_id(entry.run_id)
    started = record.start_time if record is not None else None
    if started is not None:
        start = min(int(started * 1_000_000) * 1_000, time)
        row, formers = _rows(instance, entry.run_id)
        run = _operation(instance, entry, start)
        end_run(
            run,
            status=status,
            error=error,
            time=time,
            attributes=_attributes(row),
            links=links.of_run(row, formers[0] if formers else None, instance),
        )
    else:
        run = _operation(instance, entry, time)
        run.begin()
        run.finish(error, status=status, time=time)


def _outcome(entry: Entry) -> tuple[Status, Error | None]:
    event = entry.dagster_event
    if event is None or event.event_type_value == told.RUN_SUCCESS:
        return "success", None
    data = event.event_specific_data
    error = error_of_info(_info(data), event.message or "")
    return _status(event.event_type_value, data, error), error


def _status(kind: str, data: object, error: Error) -> Status:
    # Dagster counts an interrupt that nobody asked it for as failure; to us an interrupt is what it is.
    if kind == told.RUN_CANCELED or is_interrupt(error):
        return "cancellation"
    reason = getattr(getattr(data, "failure_reason", None), "name", "")
    return _REASONS.get(reason, "failure")


def _info(data: object) -> object:
    """Return what failed the run; where steps did, the first one's error."""
    info = getattr(data, "error", None)
    if info is not None:
        return info
    first = getattr(data, "first_step_failure_event", None)
    return getattr(getattr(first, "event_specific_data", None), "error", None)


def _operation(instance: Instance, entry: Entry, start: int) -> Run:
    scope = scope_of_id(instance, entry.run_id, entry.job_name)
    row, formers = _rows(instance, entry.run_id)
    run = Run(
        scope.pipeline,
        run_id=entry.run_id,
        scope=scope,
        span_id=run_span(entry.run_id),
        parent_id=parent_of_run(row, instance),
        start_time=start,
        attempt=_attempt(row, len(formers)),
        attributes=_attributes(row),
    )
    links.put(run, links.of_run(row, formers[0] if formers else None, instance))
    return run


def _rows(instance: Instance, run_id: str) -> tuple[RunRow | None, list[RunRow]]:
    """Return a run, and those that it re-executes, the latest first."""
    row = instance.get_run_by_id(run_id)
    return row, list(_formers(instance, row))


def _formers(instance: Instance, row: RunRow | None) -> Iterator[RunRow]:
    for _ in range(_LONGEST_CHAIN):
        row = instance.get_run_by_id(row.parent_run_id) if row is not None and row.parent_run_id else None
        if row is None:
            return
        yield row


def _attempt(row: RunRow | None, formers: int) -> int:
    number = row.tags.get(RETRY_TAG, "") if row is not None else ""
    known = 1 if row is not None and row.parent_run_id else 0  # though its row may be deleted
    return 1 + max(formers, known, int(number) if number.isdecimal() else 0)


def _attributes(row: RunRow | None) -> dict[str, str]:
    parents = {name: getattr(row, name, None) for name in ("parent_run_id", "root_run_id")}
    known = {f"flowstone.dagster.{name}": str(value) for name, value in parents.items() if value}
    return known | actor_of(row)


def error_of_event(data: object, text: str) -> Error:
    """Return the error of a step's event."""
    return error_of_info(getattr(data, "error", None), text)
