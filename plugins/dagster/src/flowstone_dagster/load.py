"""Loads: exactly the time an io manager takes to load an input."""

from __future__ import annotations

from flowstone.hosting import IoLoad
from flowstone_dagster.ends import end_by
from flowstone_dagster.facts import asset_text
from flowstone_dagster.identity import io_span, run_span, scope_of_run
from flowstone_dagster.managers import class_name, loaded_size, registered_name
from flowstone_dagster.partitions import partition_of_input
from flowstone_dagster.shapes import InputContext
from flowstone_dagster.step import open_step
from flowstone_dagster.wall import walled


class LoadWatch:
    """One input on its way in.

    Attributes:
        op: The load.
    """

    __slots__ = ("_context", "_done", "_manager", "op")

    def __init__(self, manager: object, context: InputContext) -> None:
        step_context = context.step_context
        run, step_key = step_context.dagster_run, step_context.step.key
        step = open_step(run.run_id, step_key)
        attempt = step.attempt if step else step_context.previous_attempt_count + 1
        ordinal = step.ordinal(f"load {context.name}") if step else 0
        self._manager, self._context, self._done = manager, context, False
        self.op = IoLoad(
            loaded_asset(context),
            io_manager=registered_name(step_context, manager),
            partition=partition_of_input(context),
            scope=scope_of_run(run, step_context.instance),
            span_id=io_span(run.run_id, step_key, attempt, "load", context.name, ordinal),
            parent_id=step.op.span_id if step else run_span(run.run_id),
            attributes={
                "flowstone.dagster.io_manager_class": class_name(manager),
                "flowstone.dagster.input": context.name,
                "flowstone.dagster.step_key": step_key,
            },
        )

    def see(self, item: object) -> None:
        """Whatever comes first comes after the load: observations of the io manager, or the value."""
        self.end(None)

    @walled
    def end(self, error: BaseException | None) -> None:
        """Tell how the load ended; the first call wins."""
        if self._done:
            return
        self._done = True
        if error is not None:
            end_by(self.op, error)
            return
        self.op.size_bytes = loaded_size(self._manager, self._context)
        self.op.finish()


def loaded_asset(context: InputContext) -> str:
    """Return what is loaded: an asset, else ``step.output``, else the input's name."""
    if context.has_asset_key:
        return asset_text(context.asset_key)
    upstream = context.upstream_output
    step_key = getattr(upstream, "step_key", None)
    return f"{step_key}.{getattr(upstream, 'name', '')}" if isinstance(step_key, str) else context.name


@walled
def watch_load(manager: object, context: InputContext) -> LoadWatch:
    """Begin to watch a load."""
    watch = LoadWatch(manager, context)
    watch.op.begin()
    return watch
