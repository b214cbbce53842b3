"""One step: a materialization for each asset it makes."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from flowstone.hosting import Materialization
from flowstone_dagster import told
from flowstone_dagster.asset_check import AssetCheck
from flowstone_dagster.ends import end_by
from flowstone_dagster.facts import Product, asset_text, products
from flowstone_dagster.failures import is_retry
from flowstone_dagster.identity import scope_of_run
from flowstone_dagster.making import evaluated, operation_of
from flowstone_dagster.metadata import entries, rows
from flowstone_dagster.shapes import AssetKey, StepContext
from flowstone_dagster.wall import walled

_REMEMBERED: Final = 4096  # steps that ended in this process

Key = tuple[str, str]
_open: dict[Key, StepWatch] = {}
_ended: OrderedDict[Key, None] = OrderedDict()


def open_step(run_id: str, step_key: str) -> StepWatch | None:
    """Return the step if it runs in this process."""
    return _open.get((run_id, step_key))


def seen_here(run_id: str, step_key: str) -> bool:
    """Tell whether the step runs, or ran, in this process."""
    return (run_id, step_key) in _open or (run_id, step_key) in _ended


class StepWatch:
    """An attempt of a step that runs in this process.

    Attributes:
        attempt: 1 for the first.
        parts: What it makes and the operation of each; the first is current in user code.
    """

    __slots__ = ("_assets", "_done", "_key", "_ordinals", "_outputs", "attempt", "parts")

    def __init__(self, context: StepContext) -> None:
        run, step_key = context.dagster_run, context.step.key
        self._key: Key = (run.run_id, step_key)
        self._ordinals: dict[str, int] = {}
        self._outputs: set[str] = set()
        self._assets: list[str] = []
        self._done = False
        self.attempt = context.previous_attempt_count + 1
        self.parts = [(product, self._operation(context, product)) for product in products(context)]

    def _operation(self, context: StepContext, product: Product) -> Materialization:
        return operation_of(
            product, scope_of_run(context.dagster_run, context.instance), self._key[1], self.attempt
        )

    @property
    def op(self) -> Materialization:
        """The operation that is current in user code."""
        return self.parts[0][1]

    def begin(self) -> None:
        """Tell the start of each product."""
        _open[self._key] = self
        _ended.pop(self._key, None)
        for _, op in self.parts:
            op.begin()

    def of_output(self, output: str) -> Materialization:
        """Return the materialization that an output belongs to."""
        return next((op for product, op in self.parts if product.output == output), self.op)

    def ordinal(self, name: str) -> int:
        """Count the loads or stores of one name."""
        count = self._ordinals.get(name, 0)
        self._ordinals[name] = count + 1
        return count

    @walled
    def see(self, item: object) -> None:
        """Learn from an event of the step what was yielded and how much it is."""
        kind = getattr(item, "event_type_value", "")
        data = getattr(item, "event_specific_data", None)
        if kind == told.STEP_OUTPUT:
            self._outputs.add(getattr(getattr(data, "step_output_handle", None), "output_name", ""))
        elif kind == told.ASSET_MATERIALIZATION:
            self._materialized(getattr(item, "asset_key", None), data)
        elif kind == told.CHECK_EVALUATION:
            self._checked(data)
        elif kind == told.STEP_SUCCESS:
            self.end(None)  # now: whoever drives the step may take its time with this event

    def _materialized(self, key: AssetKey | None, data: object) -> None:
        if key is None:
            return
        asset = asset_text(key)
        if asset not in self._assets:
            self._assets.append(asset)
        count = rows(entries(getattr(data, "materialization", None)))
        for product, op in self.parts:
            if product.asset == asset and count is not None:
                op.rows = count

    def _checked(self, evaluation: object) -> None:
        key = getattr(evaluation, "asset_check_key", None)
        if key is None:
            return
        asset, check = asset_text(key.asset_key), key.name
        own = [op for _, op in self.parts if isinstance(op, AssetCheck)]
        for op in own:
            if (op.asset, op.check) == (asset, check):
                op.judge(evaluation)
        if not own:  # on the way of the asset's own step, which has measured no time for it
            above = next((op for product, op in self.parts if product.asset == asset), self.op)
            evaluated(evaluation, asset, check, self._key[1], above)

    @walled
    def end(self, error: BaseException | None) -> None:
        """Tell how each product ended; the first call wins."""
        if self._done:
            return
        self._done = True
        _open.pop(self._key, None)
        _ended[self._key] = None
        while len(_ended) > _REMEMBERED:
            _ended.popitem(last=False)
        if error is None:
            self._succeed()
        else:
            self._fail(error)

    def _succeed(self) -> None:
        for product, op in self.parts:
            if product.kind == "op" and self._assets:
                op.set_attribute("flowstone.dagster.assets", tuple(self._assets[:64]))
            # An optional output that was not yielded: Dagster tells nothing either.
            skipped = not product.required and product.output not in self._outputs
            op.finish(status="skip" if skipped else None)

    def _fail(self, error: BaseException) -> None:
        made = [op for product, op in self.parts if product.asset in self._assets]
        # What a multi-asset stored before it failed stays stored; but somebody has to have failed.
        spared = made if len(made) < len(self.parts) else []
        for _, op in self.parts:
            if op in spared:
                op.finish()
                continue
            if is_retry(error):
                op.set_attribute("flowstone.dagster.retry_requested", True)
            end_by(op, error)


@walled
def watch_step(context: StepContext) -> StepWatch:
    """Begin to watch a step."""
    watch = StepWatch(context)
    watch.begin()
    return watch
