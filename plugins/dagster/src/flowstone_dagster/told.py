"""Dagster's events, as far as we read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Protocol

from flowstone_dagster.rows import RunRows
from flowstone_dagster.shapes import AssetKey

RUN_ENQUEUED: Final = "PIPELINE_ENQUEUED"
RUN_STARTING: Final = "PIPELINE_STARTING"
RUN_START: Final = "PIPELINE_START"
RUN_SUCCESS: Final = "PIPELINE_SUCCESS"
RUN_FAILURE: Final = "PIPELINE_FAILURE"
RUN_CANCELED: Final = "PIPELINE_CANCELED"
RESOURCE_INIT_SUCCESS: Final = "RESOURCE_INIT_SUCCESS"
RESOURCE_INIT_FAILURE: Final = "RESOURCE_INIT_FAILURE"
STEP_START: Final = "STEP_START"
STEP_RESTARTED: Final = "STEP_RESTARTED"
STEP_SUCCESS: Final = "STEP_SUCCESS"
STEP_FAILURE: Final = "STEP_FAILURE"
STEP_UP_FOR_RETRY: Final = "STEP_UP_FOR_RETRY"
STEP_OUTPUT: Final = "STEP_OUTPUT"
LOADED_INPUT: Final = "LOADED_INPUT"
HANDLED_OUTPUT: Final = "HANDLED_OUTPUT"
ASSET_MATERIALIZATION: Final = "ASSET_MATERIALIZATION"
ASSET_PLANNED: Final = "ASSET_MATERIALIZATION_PLANNED"
CHECK_PLANNED: Final = "ASSET_CHECK_EVALUATION_PLANNED"
CHECK_EVALUATION: Final = "ASSET_CHECK_EVALUATION"
"""The values of ``DagsterEventType``; runs were called pipelines when they were chosen."""


class Told(Protocol):
    """A ``DagsterEvent``."""

    @property
    def event_type_value(self) -> str:
        """Which kind."""
        ...

    @property
    def event_specific_data(self) -> object:
        """What belongs to the kind."""
        ...

    @property
    def step_key(self) -> str | None:
        """The step, where there is one."""
        ...

    @property
    def asset_key(self) -> AssetKey | None:
        """The asset, where there is one."""
        ...

    @property
    def message(self) -> str | None:
        """Its text."""
        ...


class Entry(Protocol):
    """An ``EventLogEntry``."""

    @property
    def run_id(self) -> str:
        """The run."""
        ...

    @property
    def job_name(self) -> str | None:
        """Its job."""
        ...

    @property
    def timestamp(self) -> float:
        """Unix seconds."""
        ...

    @property
    def dagster_event(self) -> Told | None:
        """The event, unless the entry is a log line."""
        ...


class RunRecord(Protocol):
    """A ``RunRecord``."""

    @property
    def start_time(self) -> float | None:
        """When the run started, in Unix seconds."""
        ...


class Instance(RunRows, Protocol):
    """A ``DagsterInstance``."""

    def get_run_record_by_id(self, run_id: str) -> RunRecord | None:
        """Return a run with its times."""
        ...

    def add_run_tags(self, run_id: str, new_tags: Mapping[str, str]) -> None:
        """Add to a run's tags."""
        ...

    def all_logs(self, run_id: str, of_type: object) -> Iterable[Entry]:
        """Return a run's entries of the given types."""
        ...


def nanoseconds(entry: Entry) -> int:
    """Return the host's time of an entry in Unix nanoseconds."""
    return int(entry.timestamp * 1_000_000) * 1_000  # a float has no more than microseconds
