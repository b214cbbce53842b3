"""What we read of a run's row, as protocols."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class RunRow(Protocol):
    """A ``DagsterRun``."""

    @property
    def run_id(self) -> str:
        """Its id."""
        ...

    @property
    def job_name(self) -> str:
        """Its job."""
        ...

    @property
    def tags(self) -> Mapping[str, str]:
        """Its tags."""
        ...

    @property
    def parent_run_id(self) -> str | None:
        """The run that it re-executes."""
        ...

    @property
    def is_finished(self) -> bool:
        """Whether it has ended."""
        ...

    @property
    def root_run_id(self) -> str | None:
        """The first of its re-executions."""
        ...


class RunRows(Protocol):
    """Where rows are: a ``DagsterInstance``."""

    def get_run_by_id(self, run_id: str) -> RunRow | None:
        """Return a run."""
        ...
