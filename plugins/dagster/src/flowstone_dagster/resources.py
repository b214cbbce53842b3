"""Resources, looked at whenever Dagster initialises them."""

from __future__ import annotations

import re
from typing import Final

from flowstone.hosting import emit
from flowstone.plugin import ResourceHealthCheck
from flowstone_dagster.culprit import take
from flowstone_dagster.failures import error_of_info
from flowstone_dagster.identity import run_span, scope_of_id
from flowstone_dagster.metadata import entries
from flowstone_dagster.runs import is_over
from flowstone_dagster.told import Entry, Instance, nanoseconds

_TIMES: Final = ":init_time"
_LISTED: Final = re.compile(r"\[(.*)\]")
_PART: Final = re.compile(r"([\d.]+)\s*(ms|s|m|h)")
_UNITS: Final = {"ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9}
_CLOCK: Final = re.compile(r"(?:(\d+):)?(\d+):(\d+)")


def on_success(instance: Instance, entry: Entry) -> None:
    """Tell that each initialised resource is healthy."""
    if _is_over(instance, entry.run_id):
        return
    metadata = entries(getattr(entry.dagster_event, "event_specific_data", None))
    scope = scope_of_id(instance, entry.run_id, entry.job_name)
    for key in metadata:
        if key.endswith(_TIMES):
            continue
        emit(
            ResourceHealthCheck,
            scope=scope,
            parent_id=run_span(entry.run_id),
            time=nanoseconds(entry),
            resource=key,
            status="healthy",
            duration=_nanoseconds(metadata.get(key + _TIMES)),
        )


def on_failure(instance: Instance, entry: Entry) -> None:
    """Tell which resource could not be initialised, and why.

    Where that cannot be known, all that Dagster tried are unknown.
    """
    if _is_over(instance, entry.run_id):
        return
    event = entry.dagster_event
    message = (event.message if event is not None else "") or ""
    info = getattr(getattr(event, "event_specific_data", None), "error", None)
    culprit = take()
    listed = _LISTED.search(message)
    for name in [culprit] if culprit else listed[1].split(", ") if listed else []:
        emit(
            ResourceHealthCheck,
            scope=scope_of_id(instance, entry.run_id, entry.job_name),
            parent_id=run_span(entry.run_id),
            time=nanoseconds(entry),
            resource=name,
            status="unhealthy" if culprit else "unknown",
            error=error_of_info(info, message),
        )


def _is_over(instance: Instance, run_id: str) -> bool:
    """Tell whether the run has ended, here or elsewhere.

    A step process may be on its way up while its run is given up, and a process that cleans up looks at
    resources too; what belongs to a run is told before its end.
    """
    if is_over(run_id):
        return True
    row = instance.get_run_by_id(run_id)
    return row is not None and row.is_finished


def _nanoseconds(told: object) -> int | None:
    """Read Dagster's text of a duration: ``12ms``, ``1.23s``, ``1m20s`` or ``1:02:03``."""
    text = str(getattr(told, "text", None) or getattr(told, "value", None) or "")
    clock = _CLOCK.fullmatch(text)
    if clock:
        return int(
            sum(int(part or 0) * unit for part, unit in zip(clock.groups(), (3600, 60, 1), strict=True)) * 1e9
        )
    parts = _PART.findall(text)
    return int(sum(float(number) * _UNITS[unit] for number, unit in parts)) if parts else None
