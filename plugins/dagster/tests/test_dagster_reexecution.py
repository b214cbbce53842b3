"""Runs that belong together: re-executions, and the runs of a backfill."""

from __future__ import annotations

from itertools import pairwise

import pytest

from plugins.dagster.tests.environment import Run, Told, only


@pytest.fixture(scope="module")
def told(run: Run) -> Told:
    """A run that is executed three times, and two runs of a backfill."""
    return run("rerun", "backfilled")


def test_re_executions_count_on(told: Told) -> None:
    """Each execution again is the next attempt of the run, on a trace of its own."""
    starts = [e for e in told.events if e["name"] == "run.start" and e["pipeline"] == "failing_job"]
    assert [1, 2, 3] == [e.get("attempt", 1) for e in starts], told.errors
    assert 3 == len({e["trace_id"] for e in starts})
    ends = [e for e in told.events if e["name"] == "run.exception"]
    assert [1, 2, 3] == [e.get("attempt", 1) for e in ends]


def test_a_re_execution_links_to_the_run_before(told: Told) -> None:
    """Start and end of a re-executed run point to the span of its predecessor, that of the first to none."""
    for name in ("run.start", "run.exception"):
        runs = [e for e in told.events if e["name"] == name and e["pipeline"] == "failing_job"]
        assert "links" not in runs[0]
        for former, later in pairwise(runs):
            link = only(later["links"])
            assert (former["trace_id"], former["span_id"]) == (link["trace_id"], link["span_id"])


def test_re_executions_share_a_correlation_id(told: Told) -> None:
    """Without a tag that says otherwise, everything of a later execution belongs to the first one's id."""
    events = [e for e in told.events if e["pipeline"] == "failing_job"]
    assert 3 == len({e["run_id"] for e in events})
    assert {"rerun"} == {e["correlation_id"] for e in events}


def test_the_correlation_id_is_carried_out(told: Told) -> None:
    """Every run has its correlation id among its tags, whoever chose it."""
    starts = [e for e in told.events if e["name"] == "run.start" and e["pipeline"] == "failing_job"]
    lines = [line for line in told.output.splitlines() if line.startswith("carried ")]
    assert [f"carried {e['correlation_id']}" for e in starts] == lines


def test_the_runs_of_a_backfill_belong_together(told: Told) -> None:
    """They share the backfill's id as correlation id, and have each a trace of its own."""
    starts = told.under("abcdefgh", "run.start")
    assert 2 == len(starts) == len({e["trace_id"] for e in starts})


def test_nothing_of_a_run_is_told_after_its_end(told: Told) -> None:
    """Resources that are looked at when the run is over are not told as the run's."""
    ends = {e["run_id"]: place for place, e in enumerate(told.events) if e["name"] == "run.exception"}
    looks = [(place, e) for place, e in enumerate(told.events) if e["name"] == "resource.health_check"]
    assert looks
    assert [] == [e for place, e in looks if place > ends.get(e["run_id"], len(told.events))]
