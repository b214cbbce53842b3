"""What we read of Dagster's objects, as protocols: their full types are private to Dagster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from flowstone_dagster.rows import RunRow, RunRows


class AssetKey(Protocol):
    """An asset's key."""

    @property
    def path(self) -> Sequence[str]:
        """Its parts."""
        ...


class CheckKey(Protocol):
    """Which check of which asset."""

    @property
    def asset_key(self) -> AssetKey:
        """The asset."""
        ...

    @property
    def name(self) -> str:
        """The check."""
        ...


class OutputProperties(Protocol):
    """What a step knows of an output."""

    @property
    def asset_key(self) -> AssetKey | None:
        """The asset it makes, if selected."""
        ...

    @property
    def asset_check_key(self) -> CheckKey | None:
        """The asset check it reports."""
        ...

    @property
    def is_required(self) -> bool:
        """Whether it must be yielded."""
        ...


class StepOutput(Protocol):
    """An output of a step."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def properties(self) -> OutputProperties:
        """What is known of it."""
        ...


class Step(Protocol):
    """An execution step."""

    @property
    def key(self) -> str:
        """Its key, unique in its run."""
        ...

    @property
    def step_outputs(self) -> Sequence[StepOutput]:
        """Its outputs."""
        ...


class KeyRange(Protocol):
    """First and last partition key."""

    @property
    def start(self) -> str:
        """The first."""
        ...

    @property
    def end(self) -> str:
        """The last."""
        ...


class DagsterType(Protocol):
    """The type of an output."""

    @property
    def is_nothing(self) -> bool:
        """No value at all."""
        ...

    @property
    def is_any(self) -> bool:
        """No type was declared."""
        ...


class OutputDefinition(Protocol):
    """An output as its op defines it."""

    @property
    def io_manager_key(self) -> str:
        """The resource that stores it."""
        ...

    @property
    def dagster_type(self) -> DagsterType:
        """Its type."""
        ...


class OpDefinition(Protocol):
    """An op."""

    def output_def_named(self, name: str) -> OutputDefinition:
        """Return an output's definition."""
        ...


class OpNode(Protocol):
    """An op in its graph."""

    @property
    def name(self) -> str:
        """Its name there."""
        ...


class ResourcesBuilder(Protocol):
    """The initialised resources."""

    @property
    def resource_instance_dict(self) -> Mapping[str, object]:
        """By resource key."""
        ...


class StepContext(Protocol):
    """A ``StepExecutionContext``."""

    @property
    def dagster_run(self) -> RunRow:
        """The run."""
        ...

    @property
    def instance(self) -> RunRows:
        """Dagster's instance."""
        ...

    @property
    def step(self) -> Step:
        """The step."""
        ...

    @property
    def op(self) -> OpNode:
        """The step's op."""
        ...

    @property
    def op_def(self) -> OpDefinition:
        """Its definition."""
        ...

    @property
    def previous_attempt_count(self) -> int:
        """Attempts before this one."""
        ...

    @property
    def has_partition_key(self) -> bool:
        """Whether the run is of one partition."""
        ...

    @property
    def partition_key(self) -> str:
        """That partition."""
        ...

    @property
    def partition_key_range(self) -> KeyRange:
        """The run's partitions."""
        ...

    @property
    def resources(self) -> object:
        """Resources as attributes."""
        ...

    @property
    def scoped_resources_builder(self) -> ResourcesBuilder:
        """All initialised resources."""
        ...

    def has_asset_partitions_for_output(self, output_name: str) -> bool:
        """Tell whether the asset of an output is partitioned."""
        ...

    def output_observes_source_asset(self, output_name: str) -> bool:
        """Tell whether an output only observes."""
        ...

    def get_io_manager(self, step_output_handle: OutputHandle) -> object:
        """Return what stores an output."""
        ...


class OutputHandle(Protocol):
    """Which output of which step."""

    @property
    def output_name(self) -> str:
        """The output."""
        ...

    @property
    def mapping_key(self) -> str | None:
        """The key of a dynamic output."""
        ...


class InputContext(Protocol):
    """What an io manager is told when it loads."""

    @property
    def name(self) -> str:
        """The input's name."""
        ...

    @property
    def step_context(self) -> StepContext:
        """The step that loads."""
        ...

    @property
    def has_asset_key(self) -> bool:
        """Whether an asset is loaded."""
        ...

    @property
    def asset_key(self) -> AssetKey:
        """Which."""
        ...

    @property
    def has_asset_partitions(self) -> bool:
        """Whether it is partitioned."""
        ...

    @property
    def asset_partition_keys(self) -> Sequence[str]:
        """Which partitions are loaded."""
        ...

    @property
    def upstream_output(self) -> object | None:
        """The output that is loaded."""
        ...
