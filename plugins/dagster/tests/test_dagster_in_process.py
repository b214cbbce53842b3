"""Runs in one process: what is told of each kind of asset, op and end."""

from __future__ import annotations

import pytest

from plugins.dagster.tests.environment import Run, Told, only

SCENARIOS = [
    "partitioned",
    "failing",
    "refusing",
    "flaky",
    "op_job",
    "pair",
    "halves",
    "cell",
    "valueless",
    "self_checked",
    "broken_check",
    "broken",
    "evasive",
    "interrupted",
]


@pytest.fixture(scope="module")
def told(run: Run) -> Told:
    """All scenarios, one after another in one process."""
    return run(*SCENARIOS)


def test_a_run_is_told_whole_and_in_order(told: Told) -> None:
    """The events of a run come in the order of what happened."""
    expected = [
        ("run.start", None),
        ("resource.health_check", None),
        ("resource.health_check", None),
        ("materialization.start", "raw/orders"),
        ("io.store.start", "raw/orders"),
        ("io.store.stop", "raw/orders"),
        ("materialization.stop", "raw/orders"),
        ("materialization.start", "report"),
        ("io.load.start", "raw/orders"),
        ("io.load.stop", "raw/orders"),
        ("io.store.start", "report"),
        ("io.store.stop", "report"),
        ("materialization.stop", "report"),
        ("run.stop", None),
    ]
    assert expected == [(event["name"], event.get("asset")) for event in told.under("partitioned")], (
        told.errors
    )


def test_a_run_is_one_trace(told: Told) -> None:
    """Everything in a run has its trace, run id, pipeline and orchestrator."""
    identities = {
        (e["trace_id"], e["run_id"], e["pipeline"], e["orchestrator"]) for e in told.under("partitioned")
    }
    ((_, run_id, pipeline, orchestrator),) = identities
    assert ("__ephemeral_asset_job__", "dagster") == (pipeline, orchestrator)
    assert len(str(run_id)) == 36


def test_operations_are_nested(told: Told) -> None:
    """Loads and stores belong to the materialization, materializations and resources to the run."""
    run = told.one("partitioned", "run.start")
    report = told.one("partitioned", "materialization.start", asset="report")
    assert "" == run.get("parent_id", "")
    assert run["span_id"] == report["parent_id"]
    for name in ("io.load.start", "io.load.stop"):
        assert report["span_id"] == told.one("partitioned", name)["parent_id"]
    for event in told.under("partitioned", "resource.health_check"):
        assert run["span_id"] == event["parent_id"]


def test_partition_rows_and_size_are_told(told: Told) -> None:
    """An asset's partition, row count and stored size come from Dagster's own metadata."""
    stop = told.one("partitioned", "materialization.stop", asset="raw/orders")
    assert ("2025-01-15", 3) == (stop["partition"], stop["rows"])
    store = told.one("partitioned", "io.store.stop", asset="raw/orders")
    assert ("2025-01-15", 3, "io_manager") == (store["partition"], store["rows"], store["io_manager"])
    load = told.one("partitioned", "io.load.stop")
    assert ("2025-01-15", "io_manager") == (load["partition"], load["io_manager"])
    assert stop["size_bytes"] == store["size_bytes"] == load["size_bytes"] == pytest.approx(22, abs=20)
    assert int(str(stop["duration"])) >= 20_000_000


def test_resources_are_healthy(told: Told) -> None:
    """Each resource that Dagster initialised is told as healthy."""
    checks = told.under("partitioned", "resource.health_check")
    assert {("io_manager", "healthy"), ("warehouse", "healthy")} == {
        (e["resource"], e["status"]) for e in checks
    }


def test_a_broken_resource_is_unhealthy(told: Told) -> None:
    """A resource that could not be initialised is unhealthy, and its run fails though it never started."""
    check = told.one("broken", "resource.health_check")
    assert ("warehouse", "unhealthy") == (check["resource"], check["status"])
    assert "ConnectionError" == check["error"]["type"]  # type: ignore[index]
    assert ["run.start", "run.exception"] == [e["name"] for e in told.under("broken") if e is not check]


@pytest.mark.parametrize(
    ("scenario", "kind", "message"),
    [
        ("failing", "ValueError", "bad rows"),
        ("refusing", "dagster._core.definitions.events.Failure", "will not"),
    ],
)
def test_the_original_exception_is_told_and_raised(
    told: Told, scenario: str, kind: str, message: str
) -> None:
    """The caller and flowstone both see what user code raised, not Dagster's wrapping."""
    error = told.one(scenario, "materialization.exception")
    assert ("failure", kind) == (error["status"], error["error"]["type"])  # type: ignore[index]
    assert message == error["error"]["message"]  # type: ignore[index]
    run = told.one(scenario, "run.exception")
    assert ("failure", message) == (run["status"], run["error"]["message"])  # type: ignore[index]
    assert f"{scenario} raised {kind.rpartition('.')[2]}: {message}" in told.output


@pytest.mark.parametrize(("scenario", "asset"), [("flaky", "flaky"), ("op_job", "insistent")])
def test_a_retry_is_a_second_attempt(told: Told, scenario: str, asset: str) -> None:
    """An attempt that asks for a retry is a failure; the next has the next number and a span of its own."""
    failed = told.one(scenario, "materialization.exception", asset=asset)
    done = told.one(scenario, "materialization.stop", asset=asset)
    assert ("failure", 1, 2) == (failed["status"], failed.get("attempt", 1), done["attempt"])
    assert failed["span_id"] != done["span_id"]
    assert "run.stop" == told.under(scenario)[-1]["name"]


def test_ops_are_told_as_ops(told: Told) -> None:
    """A step without assets is a materialization of its op, marked as such."""
    stop = told.one("op_job", "materialization.stop", asset="doubled")
    assert "op" == stop["attributes"]["flowstone.dagster.kind"]  # type: ignore[index]
    assert "insistent.result" == told.one("op_job", "io.load.stop")["asset"]


def test_each_asset_of_a_multi_asset_is_told(told: Told) -> None:
    """A multi-asset's step is a materialization for each asset; one that was not yielded is skipped."""
    stops = told.under("pair", "materialization.stop")
    assert {("left", "success"), ("right", "skip")} == {
        (e["asset"], e.get("status", "success")) for e in stops
    }


def test_what_was_stored_before_a_failure_stays_stored(told: Told) -> None:
    """Of a multi-asset that fails, only what was not materialized has failed."""
    assert "done" == told.one("halves", "materialization.stop")["asset"]
    assert "undone" == told.one("halves", "materialization.exception")["asset"]


def test_a_partition_of_several_dimensions_is_a_tuple(told: Told) -> None:
    """Dimensions come in the order of their names."""
    assert ["2025-01-15", "eu"] == told.one("cell", "materialization.stop")["partition"]


def test_checks_and_values_that_do_not_exist_are_not_stored(told: Told) -> None:
    """Neither an asset check's result nor a result without value is a store."""
    assert [] == told.under("valueless", "io.store.start", "io.store.stop")
    assert 7 == told.one("valueless", "materialization.stop", asset="valueless")["rows"]


def test_an_asset_check_is_no_materialization(told: Told) -> None:
    """The step of a check is told as an operation of its own kind, with the result in its attributes."""
    assert ["valueless"] == [e["asset"] for e in told.under("valueless", "materialization.stop")]
    check = told.one("valueless", "asset_check.stop")
    assert ("valueless", "checked", "check valueless:checked") == (
        check["asset"],
        check["check"],
        check["span_name"],
    )
    assert True is check["attributes"]["flowstone.asset_check.passed"]  # type: ignore[index]
    assert check["span_id"] == told.one("valueless", "asset_check.start")["span_id"]


def test_a_check_on_the_way_of_an_asset_is_told_below_it(told: Told) -> None:
    """A check that an asset's own step evaluates is a child of the materialization, also one not passed."""
    asset = told.one("self_checked", "materialization.stop")
    check = told.one("self_checked", "asset_check.stop")
    assert (asset["span_id"], "no_nulls") == (check["parent_id"], check["check"])
    attributes = check["attributes"]
    assert (False, "WARN") == (
        attributes["flowstone.asset_check.passed"],  # type: ignore[index]
        attributes["flowstone.asset_check.severity"],  # type: ignore[index]
    )


def test_a_check_that_raises_is_an_exception(told: Told) -> None:
    """The check's own fault is no verdict on the asset."""
    error = told.one("broken_check", "asset_check.exception")
    assert ("failure", "ZeroDivisionError") == (error["status"], error["error"]["type"])  # type: ignore[index]


def test_a_second_attempt_links_to_the_first(told: Told) -> None:
    """Start and end of a retried attempt point to the span of the attempt before, and the first to none."""
    failed = told.one("flaky", "materialization.exception")
    for name in ("materialization.start", "materialization.stop"):
        link = only(told.one("flaky", name, attempt=2)["links"])
        assert (failed["trace_id"], failed["span_id"]) == (link["trace_id"], link["span_id"])
        assert {"flowstone.link.kind": "retry"} == link["attributes"]
    assert "links" not in failed


def test_an_interrupt_is_a_cancellation(told: Told) -> None:
    """KeyboardInterrupt cancels the materialization and the run, and goes on to the caller."""
    assert "cancellation" == told.one("interrupted", "materialization.exception")["status"]
    run = told.one("interrupted", "run.exception")
    assert ("cancellation", "cancellation") == (run["status"], run["kind"])
    assert "interrupted raised KeyboardInterrupt" in told.output


def test_what_cannot_be_asked_is_left_out(told: Told) -> None:
    """An io manager that fails when asked for its path costs the size of the load, nothing else."""
    assert "evasive returned" in told.output
    assert "run.stop" == told.under("evasive")[-1]["name"]
    assert "size_bytes" not in told.one("evasive", "io.load.stop")


def test_every_start_has_one_end(told: Told) -> None:
    """Each span id has exactly one start and one end."""
    # A slow run sees the audit log being sealed, which is no operation either.
    spans = [
        (e["name"], e["span_id"])
        for e in told.events
        if e["name"] != "resource.health_check" and not str(e["name"]).startswith("audit.")
    ]
    starts = [span for name, span in spans if str(name).endswith(".start")]
    ends = [span for name, span in spans if not str(name).endswith(".start")]
    assert len(set(starts)) == len(starts)
    assert sorted(map(str, starts)) == sorted(map(str, ends))
