"""Loads and stores from LOADED_INPUT and HANDLED_OUTPUT, where their seams are missing: no duration."""

from __future__ import annotations

from flowstone.hosting import IoLoad, IoStore
from flowstone_dagster.identity import io_span, run_span, scope_of_id
from flowstone_dagster.metadata import entries, rows, size
from flowstone_dagster.step import open_step
from flowstone_dagster.told import Entry, Instance, nanoseconds


def on_loaded(instance: Instance, entry: Entry) -> None:
    """Tell a load that is over."""
    data = getattr(entry.dagster_event, "event_specific_data", None)
    name = str(getattr(data, "input_name", ""))
    upstream = getattr(data, "upstream_step_key", None)
    asset = f"{upstream}.{getattr(data, 'upstream_output_name', '')}" if upstream else name
    _tell(IoLoad, "load", asset, name, instance, entry)


def on_handled(instance: Instance, entry: Entry) -> None:
    """Tell a store that is over."""
    data = getattr(entry.dagster_event, "event_specific_data", None)
    name = str(getattr(data, "output_name", ""))
    step = open_step(entry.run_id, _step_key(entry))
    parts = step.parts if step else []
    asset = next((product.asset for product, _ in parts if product.output == name), None)
    _tell(IoStore, "store", asset or f"{_step_key(entry)}.{name}", name, instance, entry)


def _tell(
    kind: type[IoLoad | IoStore], leg: str, asset: str, name: str, instance: Instance, entry: Entry
) -> None:
    data, step_key = getattr(entry.dagster_event, "event_specific_data", None), _step_key(entry)
    step, time = open_step(entry.run_id, step_key), nanoseconds(entry)
    attempt = step.attempt if step else 1
    op = kind(
        asset,
        io_manager=str(getattr(data, "manager_key", "")),
        scope=scope_of_id(instance, entry.run_id, entry.job_name),
        span_id=io_span(
            entry.run_id, step_key, attempt, leg, name, step.ordinal(f"{leg} {name}") if step else 0
        ),
        parent_id=step.op.span_id if step else run_span(entry.run_id),
        start_time=time,
        attributes={"flowstone.dagster.step_key": step_key, "flowstone.dagster.approximate": True},
    )
    op.begin()
    op.rows, op.size_bytes = rows(entries(data)), size(entries(data))
    op.finish(time=time)


def _step_key(entry: Entry) -> str:
    return (entry.dagster_event.step_key if entry.dagster_event is not None else None) or ""
