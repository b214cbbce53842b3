"""Ends of operations whose start another process has told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from flowstone.hosting import Scope, emit
from flowstone.plugin import (
    Error,
    MaterializationException,
    MaterializationStop,
    RunException,
    RunStop,
)
from flowstone_dagster.statuses import Status

_GOOD: Final = frozenset({"success", "skip"})


class Begun(Protocol):
    """An operation object that is used for its identity only; its start is not told again."""

    @property
    def scope(self) -> Scope:
        """Its run."""
        ...

    @property
    def span_id(self) -> int:
        """Its span."""
        ...

    @property
    def parent_id(self) -> int:
        """Its parent's span."""
        ...

    @property
    def start_time(self) -> int:
        """When it began, in Unix nanoseconds."""
        ...

    @property
    def attempt(self) -> int:
        """Which attempt it is."""
        ...


def end_run(
    run: Begun, *, status: Status, error: Error | None, time: int, attributes: Mapping[str, str]
) -> None:
    """Tell the end of a run that began elsewhere."""
    _end(run, RunStop if status in _GOOD else RunException, status, error, time, {"attributes": attributes})


def end_materialization(
    op: Begun,
    *,
    asset: str,
    partition: object,
    status: Status,
    error: Error | None,
    time: int,
    attributes: Mapping[str, str],
) -> None:
    """Tell the end of a materialization that began elsewhere."""
    own = {"asset": asset, "partition": partition, "attributes": attributes}
    _end(op, MaterializationStop if status in _GOOD else MaterializationException, status, error, time, own)


def _end(
    op: Begun,
    kind: type[RunStop | RunException | MaterializationStop | MaterializationException],
    status: Status,
    error: Error | None,
    time: int,
    own: Mapping[str, object],
) -> None:
    failed = {} if status in _GOOD else {"error": error, "kind": kind_of(status)}
    emit(
        kind,
        scope=op.scope,
        span_id=op.span_id,
        parent_id=op.parent_id,
        time=time,
        status=status,
        duration=max(time - op.start_time, 1),
        attempt=op.attempt,
        **own,
        **failed,
    )


def kind_of(status: Status) -> str:
    """Return the exception kind that belongs to a status."""
    return "cancellation" if status == "cancellation" else "exception"
