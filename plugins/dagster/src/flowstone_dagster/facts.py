"""What a step is going to produce."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from flowstone_dagster.asset_check import product_text
from flowstone_dagster.partitions import PartitionKey, partition_of_output, partition_of_run
from flowstone_dagster.shapes import AssetKey, StepContext, StepOutput

Kind = Literal["asset", "observation", "asset_check", "op"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """An asset that a step makes, else a check that it makes, else its op.

    Attributes:
        asset: The asset key, its parts joined by ``/``; or the op's name.
        check: The name of the check, where it is one of *asset*.
        kind: What it is to Dagster.
        output: The output that carries it; empty for ops.
        required: Whether the step must yield it.
        partition: Which partition.
    """

    asset: str
    kind: Kind
    check: str = ""
    output: str = ""
    required: bool = True
    partition: PartitionKey | None = None

    @property
    def key(self) -> str:
        """What tells it apart in its step."""
        return product_text(self.asset, self.check)


def asset_text(key: AssetKey) -> str:
    """Return an asset key as one text."""
    return "/".join(key.path)


def products(context: StepContext) -> list[Product]:
    """Return what a step makes, in the order of its outputs; never empty."""
    outputs = context.step.step_outputs
    assets = [product for output in outputs if (product := _product(context, output)) is not None]
    return (
        assets
        or [product for output in outputs if (product := _check(context, output)) is not None]
        or [Product(asset=context.op.name, kind="op", partition=partition_of_run(context))]
    )


def _check(context: StepContext, output: StepOutput) -> Product | None:
    key = output.properties.asset_check_key
    if key is None:
        return None
    return Product(
        asset=asset_text(key.asset_key),
        check=key.name,
        kind="asset_check",
        output=output.name,
        required=output.properties.is_required,
        partition=partition_of_run(context),
    )


def _product(context: StepContext, output: StepOutput) -> Product | None:
    key = output.properties.asset_key
    if key is None:
        return None
    observed = context.output_observes_source_asset(output.name)
    return Product(
        asset=asset_text(key),
        kind="observation" if observed else "asset",
        output=output.name,
        required=output.properties.is_required,
        partition=partition_of_output(context, output.name),
    )
