"""The demo, again in the same folder: what it tells as JSON."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from plugins.dagster.tests.demo.conftest import Flowstone

pytestmark = pytest.mark.matrix


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
