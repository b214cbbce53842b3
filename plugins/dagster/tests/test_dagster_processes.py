"""Runs across processes: the multiprocess executor with a persistent instance."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from plugins.dagster.tests.environment import HERE, Run, Told

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where user code writes the span that it found itself in."""
    return tmp_path_factory.mktemp("seen") / "span"


@pytest.fixture(scope="module")
def told(run: Run, seen: Path) -> Told:
    """A job of three steps, and one whose step is killed."""
    return run("three_steps", "deadly", PIPELINES_SPAN_FILE=str(seen))


def test_all_processes_share_one_trace(told: Told) -> None:
    """Run worker and step workers make the same ids without talking to each other."""
    events = told.under("three_steps")
    assert {TRACE} == {event["trace_id"] for event in events}, told.errors
    assert 1 == len({event["run_id"] for event in events})
    starts = [event for event in events if str(event["name"]).endswith(".start")]
    assert 4 == len({event["process"]["pid"] for event in starts})  # type: ignore[index]


def test_the_run_is_the_parent_of_each_step(told: Told) -> None:
    """Steps hang below the run's span, and the run below what launched it."""
    run = told.one("three_steps", "run.start")
    assert PARENT == run["parent_id"]
    steps = told.under("three_steps", "materialization.stop")
    assert {"first", "second", "third"} == {event["asset"] for event in steps}
    assert {run["span_id"]} == {event["parent_id"] for event in steps}
    assert run["span_id"] == told.one("three_steps", "run.stop")["span_id"]


def test_nothing_is_lost_or_told_twice(told: Told) -> None:
    """Each step has one start and one stop, each load and store too."""
    for asset in ("first", "second", "third"):
        told.one("three_steps", "materialization.start", asset=asset)
        told.one("three_steps", "materialization.stop", asset=asset)
        told.one("three_steps", "io.store.stop", asset=asset)
    assert ["first", "second"] == sorted(str(e["asset"]) for e in told.under("three_steps", "io.load.stop"))


def test_user_code_runs_in_the_span_of_its_materialization(told: Told, seen: Path) -> None:
    """OpenTelemetry's current span in an asset is that of its materialization."""
    span = told.one("three_steps", "materialization.start", asset="second")["span_id"]
    assert f"{TRACE} {span}" == seen.read_text()


def test_the_command_line_is_observed(run: Run) -> None:
    """``python -m dagster``, which looks for Dagster before it imports it, is observed like any process."""
    tags = json.dumps({"flowstone/correlation_id": "cli"})
    arguments = ["job", "execute", "-f", str(HERE / "pipelines.py"), "-j", "one_step", "--tags", tags]
    told = run(*arguments, program=("-m", "dagster"))
    start, stop = told.one("cli", "run.start"), told.one("cli", "run.stop")
    assert "one_step" == start["pipeline"]
    assert start["trace_id"] == stop["trace_id"] == told.one("cli", "materialization.stop")["trace_id"]


def test_a_step_that_was_killed_is_told_by_its_run(told: Told) -> None:
    """The run ends, with the same span id, what the dead process had begun: a fault of the host."""
    start = told.one("deadly", "materialization.start")
    end = told.one("deadly", "materialization.exception")
    assert ("killed", "error") == (end["asset"], end["status"])
    assert start["span_id"] == end["span_id"]
    told.one("deadly", "run.exception")
