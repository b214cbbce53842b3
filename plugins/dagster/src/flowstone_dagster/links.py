"""What an operation follows from: the former attempt, and the sensor that asked for the run.

All ids are derived, so each process makes the same links.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from opentelemetry.trace import SpanContext

from flowstone.hosting import Materialization, Run, Scope
from flowstone.plugin import SpanLink
from flowstone_dagster.identity import run_span, scope_of_former, step_span, trigger_of_run, trigger_span
from flowstone_dagster.rows import RunRow, RunRows

KIND: Final = "flowstone.link.kind"
"""Attribute of a link: why the two belong together."""
RETRY: Final = "retry"
TRIGGER: Final = "trigger"


def of_run(row: RunRow | None, former: RunRow | None, rows: RunRows) -> tuple[SpanLink, ...]:
    """Return what a run follows from: the run that it re-executes, or its trigger.

    Args:
        row: The run.
        former: The run that it re-executes, where its row is still there.
        rows: Where others are.
    """
    if row is None:
        return ()
    if row.parent_run_id:
        return (_link(scope_of_former(row.parent_run_id, former, rows), run_span(row.parent_run_id), RETRY),)
    poll = trigger_of_run(row, rows)
    return (_link(poll, trigger_span(row.run_id), TRIGGER),) if poll is not None else ()


def of_step(scope: Scope, step_key: str, attempt: int, product: str) -> tuple[SpanLink, ...]:
    """Return what an attempt of a step follows from: the attempt before it."""
    if attempt < 2:
        return ()
    return (_link(scope, step_span(scope.run_id, step_key, attempt - 1, product), RETRY),)


def put(op: Run | Materialization, links: Iterable[SpanLink]) -> None:
    """Add *links* to an operation; before it begins, so that its start has them too."""
    for link in links:
        context = SpanContext(int(link.trace_id, 16), int(link.span_id, 16), is_remote=True)
        op.add_link(context, dict(link.attributes))


def _link(scope: Scope, span_id: int, kind: str) -> SpanLink:
    return SpanLink(trace_id=scope.trace_hex, span_id=f"{span_id:016x}", attributes={KIND: kind})
