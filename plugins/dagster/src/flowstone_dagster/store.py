"""Stores: the time from the output to what Dagster calls handled."""

from __future__ import annotations

from flowstone.hosting import IoStore, Materialization
from flowstone_dagster import told
from flowstone_dagster.ends import end_by
from flowstone_dagster.facts import asset_text
from flowstone_dagster.identity import io_span, run_span, scope_of_run
from flowstone_dagster.managers import class_name
from flowstone_dagster.metadata import entries, rows, size
from flowstone_dagster.names import result_without_value
from flowstone_dagster.partitions import partition_of_output
from flowstone_dagster.shapes import OutputHandle, StepContext, StepOutput
from flowstone_dagster.step import open_step
from flowstone_dagster.wall import walled


class StoreWatch:
    """One output on its way out.

    Attributes:
        op: The store.
    """

    __slots__ = ("_parent", "op")

    def __init__(self, context: StepContext, handle: OutputHandle, output: StepOutput) -> None:
        run, step_key, name = context.dagster_run, context.step.key, handle.output_name
        step = open_step(run.run_id, step_key)
        full = f"{name}[{handle.mapping_key}]" if handle.mapping_key else name
        attempt = step.attempt if step else context.previous_attempt_count + 1
        ordinal = step.ordinal(f"store {full}") if step else 0
        self._parent: Materialization | None = step.of_output(name) if step else None
        key = output.properties.asset_key
        self.op = IoStore(
            asset_text(key) if key is not None else f"{step_key}.{full}",
            io_manager=context.op_def.output_def_named(name).io_manager_key,
            partition=partition_of_output(context, name) if key is not None else None,
            scope=scope_of_run(run, context.instance),
            span_id=io_span(run.run_id, step_key, attempt, "store", full, ordinal),
            parent_id=self._parent.span_id if self._parent else run_span(run.run_id),
            attributes={
                "flowstone.dagster.io_manager_class": class_name(context.get_io_manager(handle)),
                "flowstone.dagster.output": full,
                "flowstone.dagster.step_key": step_key,
            },
        )

    @walled
    def see(self, item: object) -> None:
        """Learn rows and size from the events that Dagster tells while it stores."""
        kind = getattr(item, "event_type_value", "")
        data = getattr(item, "event_specific_data", None)
        if kind == told.ASSET_MATERIALIZATION:
            self._volume(getattr(data, "materialization", None))
        elif kind == told.HANDLED_OUTPUT:
            self._volume(data)
            self.end(None)

    def _volume(self, holder: object) -> None:
        metadata = entries(holder)
        if (count := rows(metadata)) is not None:
            self.op.rows = count
        if self.op.size_bytes is None:
            self.op.size_bytes = size(metadata)

    @walled
    def end(self, error: BaseException | None) -> None:
        """Tell how the store ended; the first call wins."""
        if error is not None:
            end_by(self.op, error)
            return
        if self._parent is not None and self._parent.size_bytes is None:
            self._parent.size_bytes = self.op.size_bytes
        self.op.finish()


def _stored(context: StepContext, handle: OutputHandle, value: object) -> StepOutput | None:
    """Return the output if Dagster is going to call its io manager; the conditions are Dagster's own."""
    output = next(o for o in context.step.step_outputs if o.name == handle.output_name)
    kind = context.op_def.output_def_named(output.name).dagster_type
    if (
        output.properties.asset_check_key is not None
        or context.output_observes_source_asset(output.name)
        or kind.is_nothing
        or (getattr(kind, "is_any", True) and result_without_value(value))
    ):
        return None
    return output


@walled
def watch_store(context: StepContext, handle: OutputHandle, value: object) -> StoreWatch | None:
    """Begin to watch a store, where there is going to be one."""
    output = _stored(context, handle, value)
    if output is None:
        return None
    watch = StoreWatch(context, handle, output)
    watch.op.begin()
    return watch
