from __future__ import annotations

import ast
import json
import shutil
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
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home and databases of the user's, which are none of the demo's."""
    return tmp_path_factory.mktemp("elsewhere")


@pytest.fixture(scope="module")
def second(flowstone: Flowstone, folder: Path, elsewhere: Path, first: Done) -> dict[str, Any]:
    """What the second run in the same folder tells, as JSON, where the user keeps everything elsewhere."""
    settings = {
        f"FLOWSTONE_{name}_URL": f"sqlite:///{elsewhere / name}" for name in ("AUDIT", "PUBSUB", "STORE")
    }
    done = flowstone("demo", "--folder", str(folder), "--json", FLOWSTONE_HOME=str(elsewhere), **settings)
    assert 0 == done.returncode, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_it_succeeds_although_an_asset_fails(first: Done) -> None:
    """The failure is meant to be: exit code 0, and nothing but three lines of progress on standard error."""
    assert 0 == first.returncode, first.stdout + first.stderr
    assert 3 == len(first.stderr.splitlines()), first.stderr


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
        "checkpoint.approved of 'publish' by the user 'flowstone demo'",
        "trace and audit log tell of the same 7 materializations",
        "messages, no gap; after the event by",
        "materialization.stop       windy_hours",
        "200  healthy: database healthy",
        "503  unhealthy: database unhealthy",
        "dagster_storage: the check raised OperationalError",
    ],
)
def test_it_shows_what_happened(first: Done, text: str) -> None:
    """Trees, metrics and a log line tell of both runs."""
    assert text in first.stdout


def test_it_is_short(first: Done) -> None:
    """The output is short enough to be read, trees and all."""
    assert 130 >= len(first.stdout.splitlines()) + len(first.stderr.splitlines())


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
    # 1: a run in that trace failed, and the copy of the audit log is forged.
    assert [1, 1, 0, 0, 0, 1] == codes, commands


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
    assert 2 == len({trace["correlation_id"] for trace in kept if trace["state"] in ("failure", "success")})


def test_the_forgery_is_found_in_the_copy_only(second: dict[str, Any]) -> None:
    """The copy is tampered with at the entry of the approval; the log is proven before and after."""
    found, seq = second["audit"], second["audit"]["entry"]["seq"]
    assert ("proven", []) == (found["verified"]["verdict"], found["verified"]["findings"])
    caught = found["forgery"]["verified"]
    assert ("tampered", 1, "modified", seq) == (
        caught["verdict"],
        len(caught["findings"]),
        caught["first"]["kind"],
        caught["first"]["seq"],
    )
    assert ("flowstone demo", "mallory") == (found["forgery"]["was"], found["forgery"]["forged"])
    assert "proven" == found["verified_after_forgery"]["verdict"]


def test_the_proof_is_of_the_approval(second: dict[str, Any]) -> None:
    """The proof holds the entry itself, and a checkpoint over all that was verified."""
    proof, entry = second["audit"]["proof"], second["audit"]["entry"]
    assert entry["id"] == json.loads(proof["entry"]["row"])[1]
    assert second["audit"]["verified"]["leaves"] == proof["size"]


def test_the_history_tells_what_the_trace_tells(second: dict[str, Any]) -> None:
    """The failed asset's span is the same in both, begun and failed."""
    (run,) = next(t["nodes"] for t in second["trace"]["traces"] if t["pipelines"] == ["delays_of_a_month"])
    (failed,) = [child for child in run["children"] if child["state"] == "failure"]
    assert [(failed["span_id"], "started"), (failed["span_id"], "failure")] == [
        (one["span_id"], one["outcome"]) for one in second["audit"]["history"]
    ]


def test_the_subscriber_sees_the_runs_while_they_happen(second: dict[str, Any]) -> None:
    """Every operation's start and end comes over, in order, without a gap, most within a second."""
    live = second["pubsub"]
    told = [one["event"] for one in live["seen"]]
    assert [] == live["gaps"]
    assert (2, 7, 6, 1) == tuple(
        told.count(name)
        for name in (
            "run.start",
            "materialization.start",
            "materialization.stop",
            "materialization.exception",
        )
    )
    seqs = [one["seq"] for one in live["seen"]]
    assert sorted(set(seqs)) == seqs
    assert live["delay_ms"]["median"] < 1000


def test_health_goes_down_and_comes_back(second: dict[str, Any], folder: Path) -> None:
    """200, 503 with the reason, 200; what was taken away is in its place again."""
    answers = second["health"]["answers"]
    assert [(200, "healthy"), (503, "unhealthy"), (200, "healthy")] == [
        (one["code"], one["database"]) for one in answers
    ]
    assert any(reason.startswith("dagster_storage:") for reason in answers[1]["reasons"])
    assert ["history"] == [path.name for path in (folder / "dagster").glob("history*")]


def test_the_users_databases_are_left_alone(second: dict[str, Any], elsewhere: Path) -> None:
    """Whatever home and databases are set: the demo's entries go into its folder, for an audit log keeps them."""
    assert [] == sorted(elsewhere.iterdir())
    assert all(f"FLOWSTONE_AUDIT_URL=sqlite:///{second['folder']}" in one for one in second["commands"])


@pytest.mark.matrix
def test_a_promise_that_is_not_kept_is_a_failure(
    second: dict[str, Any], flowstone: Flowstone, folder: Path, tmp_path: Path
) -> None:
    """In a folder whose audit log was forged the demo ends with 1 and says why; plugins that are off take a line."""
    forged = tmp_path / "folder"
    shutil.copytree(folder, forged, ignore=shutil.ignore_patterns("bells"))
    shutil.copy(folder / "forgery" / "audit.db", forged / "audit.db")
    done = flowstone("demo", "--folder", str(forged), FLOWSTONE_DISABLED_PLUGINS="pubsub,health")
    assert 1 == done.returncode, done.stdout + done.stderr
    assert (
        "The demo did not do what it should: the audit log was to be proven, and is tampered" in done.stderr
    )
    assert 2 == done.stdout.count("  switched off by FLOWSTONE_DISABLED_PLUGINS\n")


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
