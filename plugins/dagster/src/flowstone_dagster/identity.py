"""Which trace, run and span something of Dagster's belongs to; the same answer in each of its processes."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from flowstone.hosting import Scope, derive_span_id, scope
from flowstone_dagster.shapes import RunRow
from flowstone_dagster.told import Instance

CORRELATION_TAG: Final = "flowstone/correlation_id"
"""Run tag: the correlation id that the run belongs to."""
TRACEPARENT_TAG: Final = "flowstone/traceparent"
"""Run tag: W3C ``traceparent`` of what launched the run."""

_KEPT: Final = 64  # runs; a process seldom has more than one, a test session many
_scopes: OrderedDict[str, Scope] = OrderedDict()


def scope_of_run(run: RunRow) -> Scope:
    """Return the scope of a run."""
    known = _scopes.get(run.run_id)
    if known is None:
        known = scope(
            "dagster",
            run.run_id,
            pipeline=run.job_name,
            correlation_id=run.tags.get(CORRELATION_TAG),
            traceparent=run.tags.get(TRACEPARENT_TAG),
        )
        _scopes[run.run_id] = known
        while len(_scopes) > _KEPT:
            _scopes.popitem(last=False)
    return known


def scope_of_id(instance: Instance, run_id: str, job_name: str | None) -> Scope:
    """Return the scope of a run of which only the id is at hand; its tags are in the run's row."""
    known = _scopes.get(run_id)
    if known is not None:
        return known
    run = instance.get_run_by_id(run_id)
    return scope("dagster", run_id, pipeline=job_name or "") if run is None else scope_of_run(run)


def parent_of_run(run: RunRow | None) -> int:
    """Return the span id of what launched a run, 0 where nobody told."""
    fields = run.tags.get(TRACEPARENT_TAG, "").split("-") if run is not None else []
    # A malformed one is no parent; the core refuses it for the trace id by the same rule.
    if run is None or len(fields) < 4 or not scope_of_run(run).remote:
        return 0
    return int(fields[2], 16)


def run_span(run_id: str) -> int:
    """Return the span id of a run."""
    return derive_span_id("run", run_id)


def step_span(run_id: str, step_key: str, attempt: int, asset: str) -> int:
    """Return the span id of one asset's (or op's) attempt in a step."""
    return derive_span_id("step", run_id, step_key, attempt, asset)


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
