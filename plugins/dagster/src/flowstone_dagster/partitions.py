"""Dagster's partition keys in the catalogue's terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flowstone_dagster.shapes import InputContext, StepContext
from flowstone_dagster.wall import walled

PartitionKey = str | tuple[str, ...]


def partition_of_key(key: str) -> PartitionKey:
    """Return a key as text; one of several dimensions as tuple, in the order of the dimensions' names."""
    dimensions = getattr(key, "keys_by_dimension", None)
    if isinstance(dimensions, Mapping):
        return tuple(str(dimensions[name]) for name in sorted(dimensions))
    return str(key)


def partition_of_keys(keys: Sequence[str]) -> PartitionKey | None:
    """Return one key as :func:`partition_of_key` does, several as ``first...last``, Dagster's own notation."""
    if not keys:
        return None
    return partition_of_key(keys[0]) if len(keys) == 1 else f"{keys[0]}...{keys[-1]}"


@walled
def partition_of_output(context: StepContext, output_name: str) -> PartitionKey | None:
    """Return what the asset of an output is partitioned by in this run."""
    if not context.has_asset_partitions_for_output(output_name):
        return None
    if context.has_partition_key:
        return partition_of_key(context.partition_key)
    if not getattr(context, "has_partition_key_range", False):
        return None  # a partitioned asset in a run without a partition
    keys = context.partition_key_range
    return partition_of_keys((keys.start,) if keys.start == keys.end else (keys.start, keys.end))


@walled
def partition_of_run(context: StepContext) -> PartitionKey | None:
    """Return the partition of a step's run, for ops."""
    return partition_of_key(context.partition_key) if context.has_partition_key else None


@walled
def partition_of_input(context: InputContext) -> PartitionKey | None:
    """Return which partitions of an asset are loaded."""
    return partition_of_keys(context.asset_partition_keys) if context.has_asset_partitions else None
