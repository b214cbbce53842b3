"""Steps of which only Dagster's events tell: those whose process died, and all where the seams are gone."""

from __future__ import annotations

from collections.abc import Iterator

from flowstone.hosting import Materialization
from flowstone_dagster import told
from flowstone_dagster.facts import Product, asset_text
from flowstone_dagster.identity import scope_of_id
from flowstone_dagster.legs import end_materialization
from flowstone_dagster.making import operation_of
from flowstone_dagster.runs import error_of_event
from flowstone_dagster.statuses import Status
from flowstone_dagster.told import Entry, Instance, nanoseconds

_open: dict[tuple[str, str], list[Materialization]] = {}


def on_start(instance: Instance, entry: Entry) -> None:
    """Tell the start of what a step makes (only where the step seam is missing)."""
    step_key = _step_key(entry)
    attempt = len(list(_starts(instance, entry, step_key))) or 1
    ops = _operations(instance, entry, nanoseconds(entry), attempt)
    _open[entry.run_id, step_key] = ops
    for op in ops:
        op.begin()


def on_success(entry: Entry) -> None:
    """Tell the end of a step that was told by :func:`on_start`."""
    for op in _open.pop((entry.run_id, _step_key(entry)), []):
        op.finish(time=nanoseconds(entry))


def on_failure(instance: Instance, entry: Entry, *, host_fault: bool) -> None:
    """Tell that a step failed whose own process cannot tell it.

    Args:
        instance: Where its events are.
        entry: The failure, or the request to retry.
        host_fault: Whether its process died; else the seam is missing.
    """
    event, time, step_key = entry.dagster_event, nanoseconds(entry), _step_key(entry)
    if event is None:
        return
    status: Status = "error" if host_fault else "failure"
    error = error_of_event(event.event_specific_data, event.message or "")
    begun = _open.pop((entry.run_id, step_key), None)
    starts = [] if begun else list(_starts(instance, entry, step_key))
    if starts:  # told by the process that died; span ids are the same
        for op in _operations(instance, entry, starts[-1], len(starts)):
            end_materialization(
                op,
                status=status,
                error=error,
                time=time,
                attributes={"flowstone.dagster.step_key": step_key},
                links=op.links(),
            )
        return
    for op in begun or _never_begun(instance, entry, time):
        op.finish(error, status=status, time=time)


def _never_begun(instance: Instance, entry: Entry, time: int) -> list[Materialization]:
    """Begin what failed before its step did, such as for want of a resource."""
    ops = _operations(instance, entry, time, 1)
    for op in ops:
        op.begin()
    return ops


def _operations(instance: Instance, entry: Entry, start: int, attempt: int) -> list[Materialization]:
    step_key = _step_key(entry)
    scope = scope_of_id(instance, entry.run_id, entry.job_name)
    op = Product(asset=step_key.partition("[")[0].rpartition(".")[2], kind="op")
    planned = list(_planned(instance, entry, step_key)) or [op]
    # The same choice as where the step runs: checks on the way of an asset are no products.
    products = [product for product in planned if not product.check] or planned
    return [operation_of(product, scope, step_key, attempt, start) for product in products]


def _planned(instance: Instance, entry: Entry, step_key: str) -> Iterator[Product]:
    for other in _entries(instance, entry.run_id, {told.ASSET_PLANNED, told.CHECK_PLANNED}):
        event = other.dagster_event
        if event is None or event.step_key != step_key:
            continue
        data = event.event_specific_data
        partition, key = getattr(data, "partition", None), getattr(data, "asset_check_key", None)
        if key is not None:
            yield Product(asset=asset_text(key.asset_key), check=key.name, kind="asset_check")
        elif event.asset_key is not None:
            kept = partition if isinstance(partition, str) else None
            yield Product(asset=asset_text(event.asset_key), kind="asset", partition=kept)


def _starts(instance: Instance, entry: Entry, step_key: str) -> Iterator[int]:
    for other in _entries(instance, entry.run_id, {told.STEP_START, told.STEP_RESTARTED}):
        if other.dagster_event is not None and other.dagster_event.step_key == step_key:
            yield nanoseconds(other)


def _entries(instance: Instance, run_id: str, kinds: set[str]) -> Iterator[Entry]:
    from dagster import DagsterEventType  # late: this module is imported while Dagster still is

    # A query, and the only one that reads a run's log: on the way of a crash, or of a Dagster unknown to us.
    yield from instance.all_logs(run_id, of_type={DagsterEventType(kind) for kind in kinds})


def _step_key(entry: Entry) -> str:
    return (entry.dagster_event.step_key if entry.dagster_event is not None else None) or ""
