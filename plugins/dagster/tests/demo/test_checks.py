from __future__ import annotations

from typing import Any

import pytest

from flowstone_dagster.demo.checks import problems

COMPLETE = {"dropped": 0, "abandoned": 0, "running": 0, "orphans": 0}


def node(
    title: str, state: str, *children: dict[str, Any], pid: int = 1, points: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return an operation as `flowstone trace --json` tells it."""
    told = [{"event": event} for event in points]
    return {
        "title": title,
        "state": state,
        "process": {"pid": pid},
        "points": told,
        "children": list(children),
    }


def document() -> dict[str, Any]:
    """Return what the demo has to lead to."""
    asked = ("checkpoint.requested", "checkpoint.approved")
    failed = node("materialize punctuality", "failure")
    month = node(
        "run delays_of_a_month", "failure", failed, node("materialize published", "success", points=asked)
    )
    steps = [node(f"materialize {pid}", "success", pid=pid) for pid in (2, 3, 4)]
    weather = node("run weather", "success", *steps)
    return {
        "traces": [
            {"pipelines": ["delays_of_a_month"], "state": "failure", "nodes": [month]},
            {"pipelines": ["weather"], "state": "success", "nodes": [weather]},
        ],
        "completeness": dict(COMPLETE),
    }


def test_the_meant_failure_is_no_problem() -> None:
    """A trace of both jobs, in which the faulty asset alone fails, is as it should be."""
    assert [] == problems(document())


@pytest.mark.parametrize("name", ["delays_of_a_month", "weather"])
def test_a_missing_trace_is_a_problem(name: str) -> None:
    """Neither job may go unseen."""
    found = document()
    found["traces"] = [trace for trace in found["traces"] if trace["pipelines"] != [name]]
    assert [f"no trace of the job {name}"] == problems(found)


@pytest.mark.parametrize("gap", sorted(COMPLETE))
def test_a_gap_is_a_problem(gap: str) -> None:
    """What was dropped, abandoned, left running or without a parent is told with its number."""
    found = document()
    found["completeness"][gap] = 2
    assert [f"the trace has 2 {gap}"] == problems(found)


def test_an_unseen_failure_is_a_problem() -> None:
    """Where the faulty asset is told as a success, the demo says that nothing failed."""
    found = document()
    found["traces"][0]["nodes"][0]["children"][0]["state"] = "success"
    assert ["punctuality alone was to fail in delays_of_a_month, and did: run delays_of_a_month"] == problems(
        found
    )


def test_steps_in_one_process_are_a_problem() -> None:
    """The second job has to be seen from the run's process and from each step's."""
    found = document()
    found["traces"][1]["nodes"][0]["children"].pop()
    assert ["weather was to take 4 processes: 3"] == problems(found)
