"""Ends of operations whose start another process has told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from flowstone.hosting import Materialization, Scope, emit
from flowstone.plugin import (
    Error,
    MaterializationException,
    MaterializationStop,
    OperationEnd,
    RunException,
    RunStop,
    SpanLink,
)
from flowstone_dagster.asset_check import AssetCheck, AssetCheckException, AssetCheckStop
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
    run: Begun,
    *,
    status: Status,
    error: Error | None,
    time: int,
    attributes: Mapping[str, str],
    links: tuple[SpanLink, ...],
) -> None:
    """Tell the end of a run that began elsewhere."""
    own = {"attempt": run.attempt, "attributes": attributes, "links": links}
    _end(run, RunStop if status in _GOOD else RunException, status, error, time, own)


def end_materialization(
    op: Materialization,
    *,
    status: Status,
    error: Error | None,
    time: int,
    attributes: Mapping[str, str],
    links: tuple[SpanLink, ...],
) -> None:
    """Tell the end of a materialization, or of an asset check, that began elsewhere."""
    own = {"attempt": op.attempt, "asset": op.asset, "partition": op.partition}
    ends: tuple[type[OperationEnd], type[OperationEnd]] = (MaterializationStop, MaterializationException)
    if isinstance(op, AssetCheck):
        ends = (AssetCheckStop, AssetCheckException)
        own["check"] = op.check
    _end(
        op, ends[status not in _GOOD], status, error, time, {**own, "attributes": attributes, "links": links}
    )


def _end(
    op: Begun,
    kind: type[OperationEnd],
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
        **own,
        **failed,
    )


def kind_of(status: Status) -> str:
    """Return the exception kind that belongs to a status."""
    return "cancellation" if status == "cancellation" else "exception"
