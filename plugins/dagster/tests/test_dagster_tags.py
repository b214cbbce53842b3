"""Runs that are asked for from inside of something go on there."""

from __future__ import annotations

from typing import Any

from plugins.dagster.tests.environment import Run

PROGRAM = """
import dagster
import flowstone
from flowstone_dagster import run_tags

@dagster.asset
def orders():
    return [1, 2, 3]

assert {} == run_tags()
with flowstone.run("nightly", correlation_id="ticket-7"):
    assert dagster.materialize([orders], tags=run_tags()).success
flowstone.flush(5)
print("done")
"""


def test_a_run_goes_on_in_the_trace_of_who_asked_for_it(run: Run) -> None:
    """It is below the run around it, has its trace and correlation id, and so has all in it; outside there are no tags."""
    told = run(program=("-c", PROGRAM))
    assert "done" in told.output, told.errors
    outer: dict[str, Any] = next(
        e for e in told.events if e["name"] == "run.start" and e["pipeline"] == "nightly"
    )
    inner = [e for e in told.events if e.get("orchestrator") == "dagster"]
    assert {"run.start", "materialization.stop", "run.stop"} <= {str(e["name"]) for e in inner}
    assert {("ticket-7", outer["trace_id"])} == {(e["correlation_id"], e["trace_id"]) for e in inner}
    (start,) = [e for e in inner if e["name"] == "run.start"]
    assert outer["span_id"] == start["parent_id"]
