"""Processes: no loss after the flush points, no double counting, no wrong parent, no hang."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from flowstone.plugin import Event
from tests.processes.scenarios import CHILDREN
from tests.processes.sink import read

ROOT = Path(__file__).parents[2]


def run(name: str, folder: Path, *words: str, timeout: float = 60, code: int = 0) -> list[tuple[int, Event]]:
    """Run a scenario, with *words* as its arguments; return what was told, by pid."""
    path = folder / "events"
    command = [sys.executable, "-m", "tests.processes.scenarios", name, str(path), *words]
    done = subprocess.run(command, cwd=ROOT, timeout=timeout, capture_output=True, text=True, check=False)
    assert code == done.returncode, done.stderr
    assert "Traceback" not in done.stderr
    return read(path)


def assert_whole(told: list[tuple[int, Event]], children: int) -> None:
    """Each child's events are there once, under the run."""
    ids = Counter(event.id for _, event in told)
    assert {1} == set(ids.values())
    starts: list[Any] = [event for _, event in told if event.name == "materialization.start"]
    run_span = next(event.span_id for _, event in told if event.name == "run.start")
    assert {f"child{n}" for n in range(children)} <= {event.asset for event in starts}
    assert {run_span} == {event.parent_id for event in starts if event.asset.startswith("child")}
    # A machine that stands still makes the sink overrun; that is told of the process, and belongs to no trace.
    whose = {event.trace_id for _, event in told if getattr(event, "asset", "") != "busy"}
    assert 1 == len(whose - {"0" * 32})


@pytest.mark.parametrize("name", ["fork", "pool", "os_exit"])
def test_children_lose_nothing_and_have_the_right_parent(name: str, tmp_path: Path) -> None:
    """Forked children, pooled or by os._exit after a flush, tell everything once, under the run."""
    told = run(name, tmp_path)
    assert_whole(told, CHILDREN)
    assert 2 + CHILDREN * 4 == len(told)


def test_spawned_children_lose_nothing(tmp_path: Path) -> None:
    """Spawned children tell everything at their exit."""
    told = run("spawn", tmp_path)
    assert CHILDREN * 4 == len(told)
    assert CHILDREN == len({pid for pid, _ in told})


def test_a_child_does_not_end_its_parents_operations(tmp_path: Path) -> None:
    """What began before the fork ends in the parent, once."""
    told = run("unwinding", tmp_path)
    ends = [(pid, event) for pid, event in told if getattr(event, "asset", "") == "parents"]
    assert ["materialization.start", "materialization.stop"] == [event.name for _, event in ends]
    assert 1 == len({pid for pid, _ in ends})
    child = next(event for _, event in told if getattr(event, "asset", "") == "child0")
    assert ends[0][1].span_id == child.parent_id


@pytest.mark.parametrize("forks", [15, pytest.param(200, marks=pytest.mark.matrix)])
def test_many_forks_beside_busy_threads(tmp_path: Path, forks: int) -> None:
    """Forks beside threads that emit: no hang, nothing lost in the children, ids unique."""
    told = run("busy", tmp_path, str(forks), timeout=180)
    assert_whole(told, forks)


def test_a_kill_leaves_the_start(tmp_path: Path) -> None:
    """What began long enough before a kill -9 is told."""
    told = run("killed", tmp_path, code=-9)
    assert ["run.start", "materialization.start"] == [event.name for _, event in told]
