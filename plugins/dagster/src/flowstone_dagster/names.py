"""Every name of Dagster that is not public, and what is lost without it; the contract test reads this."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import reduce
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A name inside Dagster that we patch or read.

    Attributes:
        key: Short name, used in messages and tests.
        module: Where it lives.
        path: Dotted path inside the module.
        without: What happens where it is missing.
        since: The Dagster that brought it, where older ones that do without are supported.
    """

    key: str
    module: str
    path: str
    without: str
    since: str = ""

    def owner(self) -> object:
        """Return the object that has the name.

        Raises:
            ImportError: The module is gone.
            AttributeError: A part of the path is gone.
        """
        return reduce(getattr, self.path.split(".")[:-1], importlib.import_module(self.module))

    @property
    def attribute(self) -> str:
        """The last part of the path."""
        return self.path.rpartition(".")[2]

    def found(self) -> bool:
        """Tell whether this Dagster has it."""
        try:
            return hasattr(self.owner(), self.attribute)
        except (ImportError, AttributeError):
            return False


EVENTS: Final = Name(
    key="events",
    module="dagster",
    path="DagsterInstance.handle_new_event",
    without="no run events, no resource events, no fall-backs",
)
STEP: Final = Name(
    key="step",
    module="dagster._core.execution.plan.execute_plan",
    path="core_dagster_event_sequence_for_step",
    without="materializations from STEP_* events, without a current span",
)
LOAD: Final = Name(
    key="load",
    module="dagster._core.execution.plan.inputs",
    path="_load_input_with_input_manager",
    without="io.load from LOADED_INPUT, without duration and asset key",
)
STORE: Final = Name(
    key="store",
    module="dagster._core.execution.plan.execute_step",
    path="_store_output",
    without="io.store from HANDLED_OUTPUT, without duration",
)

RESOURCE: Final = Name(
    key="resource",
    module="dagster._core.execution.resources_init",
    path="single_resource_event_generator",
    without="resources whose initialisation fails are unknown, not unhealthy",
)

SENSOR: Final = Name(
    key="sensor",
    module="dagster",
    path="SensorDefinition.evaluate_tick",
    without="no sensor.poll of sensors, and their runs have correlation ids of their own",
)
SCHEDULE: Final = Name(
    key="schedule",
    module="dagster",
    path="ScheduleDefinition.evaluate_tick",
    without="no sensor.poll of schedules, and their runs have correlation ids of their own",
)

SEAMS: Final = (EVENTS, STEP, LOAD, STORE, RESOURCE, SENSOR, SCHEDULE)
"""What is patched."""

_CONTEXT: Final = "dagster._core.execution.context.system"
_RESULT: Final = "AssetResultOutput"
_SENTINEL: Final = "NoValueSentinel"
STORE_MODULE: Final = STORE.module

READS: Final = (
    Name(key="run", module=_CONTEXT, path="StepExecutionContext.dagster_run", without="no step events"),
    Name(key="attempts", module=_CONTEXT, path="StepExecutionContext.previous_attempt_count", without="1"),
    Name(
        key="partitioned",
        module=_CONTEXT,
        path="StepExecutionContext.has_asset_partitions_for_output",
        without="no partition",
    ),
    Name(key="partition", module=_CONTEXT, path="StepExecutionContext.partition_key", without="no partition"),
    Name(
        key="partition_range",
        module=_CONTEXT,
        path="StepExecutionContext.partition_key_range",
        without="no partition",
    ),
    Name(
        key="resources",
        module=_CONTEXT,
        path="StepExecutionContext.scoped_resources_builder",
        without="io managers are named by their class",
    ),
    Name(
        key="observes",
        module=_CONTEXT,
        path="StepExecutionContext.output_observes_source_asset",
        without="no io.store",
    ),
    Name(
        key="step_outputs",
        module="dagster._core.execution.plan.outputs",
        path="StepOutputProperties.asset_key",
        without="assets are told as ops",
    ),
    Name(
        key="check_outputs",
        module="dagster._core.execution.plan.outputs",
        path="StepOutputProperties.asset_check_key",
        without="asset checks are told as stores",
    ),
    Name(
        key="no_value",
        module=STORE_MODULE,
        path=_SENTINEL,
        without="no result has a value, as in older Dagsters",
        since="1.11",
    ),
    Name(
        key="any_type",
        module="dagster._core.types.dagster_type",
        path="DagsterType.is_any",
        without="the type of a result is not asked for",
        since="1.11",
    ),
    Name(key="result", module=STORE_MODULE, path=_RESULT, without="results without a value told as stores"),
    Name(
        key="path",
        module="dagster._core.storage.upath_io_manager",
        path="UPathIOManager._get_path",
        without="no size of loads",
    ),
    Name(
        key="paths",
        module="dagster._core.storage.upath_io_manager",
        path="UPathIOManager._get_paths_for_partitions",
        without="no size of partitioned loads",
    ),
    Name(
        key="replaced",
        module="dagster",
        path="RunRequest.with_replaced_attrs",
        without="runs of sensors have correlation ids of their own",
    ),
    Name(
        key="user_error",
        module="dagster._core.errors",
        path="DagsterUserCodeExecutionError",
        without="exceptions told in Dagster's wrapping",
    ),
    Name(
        key="interrupted",
        module="dagster._core.errors",
        path="DagsterExecutionInterruptedError",
        without="interrupts told as failures",
    ),
)
"""What is read: each read stands behind the fault wall or a default."""


def result_without_value(output: object) -> bool:
    """Tell whether *output* comes of a ``MaterializeResult`` that has no value for an io manager.

    Where Dagster has no mark for that, none has.
    """
    module = importlib.import_module(STORE_MODULE)
    kind, mark = getattr(module, _RESULT, None), getattr(module, _SENTINEL, None)
    if kind is None or not isinstance(output, kind):
        return False
    return mark is None or getattr(output, "value", None) is mark


def missing() -> tuple[Name, ...]:
    """Return the seams that this Dagster does not have."""
    return tuple(name for name in SEAMS if not name.found())
