"""Which trace, run and span something of Dagster's belongs to; the same answer in each of its processes."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from flowstone.hosting import Scope, derive_span_id, scope
from flowstone_dagster.rows import RunRow, RunRows

CORRELATION_TAG: Final = "flowstone/correlation_id"
"""Run tag: the correlation id that the run belongs to; read, and written where it is absent."""
TRACEPARENT_TAG: Final = "flowstone/traceparent"
"""Run tag: W3C ``traceparent`` of what launched the run; the run goes on in that trace."""
TRIGGER_TAG: Final = "flowstone/triggered_by"
"""Run tag: W3C ``traceparent`` of the sensor's poll that asked for the run; the run links to it."""
BACKFILL_TAG: Final = "dagster/backfill"
"""Dagster's tag on the runs of a backfill."""

_HOST: Final = "dagster"
_KEPT: Final = 64  # runs; a process seldom has more than one, a test session many
_scopes: OrderedDict[str, Scope] = OrderedDict()


def scope_of_run(run: RunRow, rows: RunRows) -> Scope:
    """Return the scope of a run."""
    known = _scopes.get(run.run_id)
    if known is None:
        known = scope(
            _HOST,
            run.run_id,
            pipeline=run.job_name,
            correlation_id=_correlation_of_run(run, rows),
            traceparent=run.tags.get(TRACEPARENT_TAG),
        )
        _scopes[run.run_id] = known
        while len(_scopes) > _KEPT:
            _scopes.popitem(last=False)
    return known


def _correlation_of_run(run: RunRow, rows: RunRows) -> str | None:
    """Return what a run shares with others: what its tag says, its backfill, its first execution.

    None where it has an id of its own, that of its trace. The run's own tags may be older than what
    is stored: what is added while it starts does not reach step workers; so they are no way to share.
    """
    given = run.tags.get(CORRELATION_TAG) or run.tags.get(BACKFILL_TAG)
    if given or not run.root_run_id:
        return given
    first = rows.get_run_by_id(run.root_run_id)
    if first is None:
        return scope(_HOST, run.root_run_id).correlation_id
    return first.tags.get(CORRELATION_TAG) or scope_of_run(first, rows).correlation_id


def scope_of_former(run_id: str, row: RunRow | None, rows: RunRows) -> Scope:
    """Return the scope of a run that was re-executed; where its row is gone, what its id alone tells."""
    return scope_of_run(row, rows) if row is not None else scope(_HOST, run_id)


def scope_of_id(rows: RunRows, run_id: str, job_name: str | None) -> Scope:
    """Return the scope of a run of which only the id is at hand; its tags are in the run's row."""
    known = _scopes.get(run_id)
    if known is not None:
        return known
    run = rows.get_run_by_id(run_id)
    return scope(_HOST, run_id, pipeline=job_name or "") if run is None else scope_of_run(run, rows)


def parent_of_run(run: RunRow | None, rows: RunRows) -> int:
    """Return the span id of what launched a run, 0 where nobody told."""
    return scope_of_run(run, rows).parent_id if run is not None else 0


def trigger_of_run(run: RunRow, rows: RunRows) -> Scope | None:
    """Return a scope with the trace of the poll that asked for *run*, whose span is its parent.

    None where nobody asked: a re-execution has its predecessor's tags, but was not asked for by the sensor.
    """
    given = run.tags.get(TRIGGER_TAG)
    if not given or run.parent_run_id:
        return None
    found = scope(
        _HOST,
        run.run_id,
        pipeline=run.job_name,
        correlation_id=scope_of_run(run, rows).correlation_id,
        traceparent=given,
    )
    return found if found.remote else None  # else it was malformed


def run_span(run_id: str) -> int:
    """Return the span id of a run."""
    return derive_span_id("run", run_id)


def trigger_span(run_id: str) -> int:
    """Return the span id of the trigger of a run."""
    return derive_span_id("trigger", run_id)


def step_span(run_id: str, step_key: str, attempt: int, product: str) -> int:
    """Return the span id of one product's attempt in a step."""
    return derive_span_id("step", run_id, step_key, attempt, product)


def check_span(run_id: str, step_key: str, attempt: int, check: str) -> int:
    """Return the span id of an asset check that the step of an asset evaluates on its way."""
    return derive_span_id("check", run_id, step_key, attempt, check)


def io_span(run_id: str, step_key: str, attempt: int, leg: str, name: str, ordinal: int) -> int:
    """Return the span id of a load or store.

    Args:
        run_id: The run.
        step_key: The step.
        attempt: Its attempt.
        leg: ``load`` or ``store``.
        name: The input's or output's name, with the mapping key of a dynamic one.
        ordinal: How many of that name came before in this attempt (fan-in).
    """
    return derive_span_id("io", run_id, step_key, attempt, leg, name, ordinal)
