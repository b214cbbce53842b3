from __future__ import annotations

import ast
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowstone_dagster.demo import project

Flowstone = Callable[..., subprocess.CompletedProcess[str]]
Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def first(flowstone: Flowstone, folder: Path) -> Done:
    """What the first run of the demo prints."""
    return flowstone("demo", "--folder", str(folder))


@pytest.fixture(scope="module")
def second(flowstone: Flowstone, folder: Path, first: Done) -> dict[str, Any]:
    """What the second run in the same folder tells, as JSON."""
    done = flowstone("demo", "--folder", str(folder), "--json")
    assert 0 == done.returncode, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_it_succeeds_although_an_asset_fails(first: Done) -> None:
    """The failure is meant to be: exit code 0, and nothing but two lines of progress on standard error."""
    assert 0 == first.returncode, first.stdout + first.stderr
    assert 2 == len(first.stderr.splitlines()), first.stderr


@pytest.mark.parametrize(
    "text",
    [
        "✘ materialize punctuality [2013-01]  failure",
        "✔ materialize flights [2013-01]",
        "27,004 rows",
        "IntCastingNaNError: Cannot convert non-finite values",
        "checkpoint publish requested",
        "checkpoint publish approved by flowstone demo",
        "resource tables healthy",
        "✔ run weather",
        "load observations (csv)",
        "flowstone.materialization.duration  4 measured",
        '"event":"materialization.exception","asset":"punctuality"',
    ],
)
def test_it_shows_what_happened(first: Done, text: str) -> None:
    """Trees, metrics and a log line tell of both runs."""
    assert text in first.stdout


def test_it_fits_on_a_page(first: Done) -> None:
    """The output is short enough to be read."""
    assert 80 >= len(first.stdout.splitlines()) + len(first.stderr.splitlines())


def test_it_names_its_folder(first: Done, folder: Path) -> None:
    """The data are where the output says they are, one file for the partition of each asset that was made."""
    assert f"Files    {folder}\n" in first.stdout
    made = {path.relative_to(folder / "data").as_posix() for path in folder.glob("data/**/*.csv")}
    partitioned = {f"{asset}/2013-01.csv" for asset in ("flights", "delays", "published")}
    assert {*partitioned, "airports.csv", "observations.csv", "windy_hours.csv"} == made


def test_the_commands_that_it_prints_work(first: Done) -> None:
    """What the user is told to type does, in a shell, what the output says."""
    commands = [line.partition("#")[0].strip() for line in first.stdout.splitlines() if "  # " in line]
    codes = [
        subprocess.run(each, shell=True, capture_output=True, check=False).returncode for each in commands
    ]
    assert [1, 1, 0] == codes, commands  # 1: a run in that trace failed


def test_it_runs_again_cleanly(second: dict[str, Any]) -> None:
    """A second run in the same folder succeeds like the first, under an id of its own."""
    assert [] == second["problems"]
    assert 2 == len(second["trace"]["traces"])
    assert {second["correlation_id"]} == {
        id for trace in second["trace"]["traces"] for id in trace["correlation_ids"]
    }


def test_each_step_of_the_second_job_has_a_process(second: dict[str, Any]) -> None:
    """The run and its three steps are one trace out of four processes."""
    (run,) = next(t["nodes"] for t in second["trace"]["traces"] if t["pipelines"] == ["weather"])
    assert 3 == len([child for child in run["children"] if child["kind"] == "materialization"])
    assert 4 == len({node["process"]["pid"] for node in (run, *run["children"])})


def test_the_store_keeps_both_runs(second: dict[str, Any], flowstone: Flowstone, folder: Path) -> None:
    """Afterwards the store lists four traces under two correlation ids: of each demo one failed, one succeeded."""
    done = flowstone("trace", "--list", "--json", FLOWSTONE_HOME=str(folder))
    kept = json.loads(done.stdout)["traces"]
    assert {"failure": 2, "success": 2} == {
        state: [trace["state"] for trace in kept].count(state) for state in ("failure", "success")
    }
    assert 2 == len({trace["correlation_id"] for trace in kept})


def test_it_leaves_other_peoples_files_alone(flowstone: Flowstone, tmp_path: Path) -> None:
    """A folder with files that are not the demo's is refused with the reason, and stays as it is."""
    mine = tmp_path / "mine.txt"
    mine.write_text("mine", encoding="utf-8")
    done = flowstone("demo", "--folder", str(tmp_path))
    assert (1, [mine]) == (done.returncode, list(tmp_path.iterdir()))
    assert "name another with --folder" in done.stderr


def test_the_project_knows_flowstone_by_its_checkpoint_only() -> None:
    """The project's code does not use flowstone, but for asking for an approval."""
    files = [file for place in project.__path__ for file in sorted(Path(place).glob("*.py"))]
    used = [
        ast.unparse(node)
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "flowstone"
    ]
    assert ["flowstone.checkpoint"] == used
