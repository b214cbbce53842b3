"""The matrix: daemon, code server, sensor, schedule, retries, backfill and a killed step, in one deployment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from plugins.dagster.tests.environment import only
from plugins.dagster.tests.matrix.deployment import Deployment, Told
from tests.otel.receivers import Sink

pytestmark = pytest.mark.matrix

ENDED = Counter({"assets_job": 1, "unlucky_job": 2, "deadly_job": 1, "regional_job": 2, "planned_job": 1})


def _done(events: Told) -> bool:
    ended = Counter(str(e["pipeline"]) for e in events if e["name"] in {"run.stop", "run.exception"})
    return not ENDED - ended and any(e.get("result", "skipped") == "skipped" for e in _polls(events))


def _polls(events: Told) -> Told:
    return [e for e in events if e["name"] == "sensor.poll" and e["sensor"] == "watching"]


@pytest.fixture(scope="module")
def told(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """One deployment, run until each of its runs has ended."""
    receiver = Sink()
    found = Deployment(python=python, home=tmp_path_factory.mktemp("home"), receiver=receiver)
    try:
        found.run(_done)
        yield found
    finally:
        receiver.close()


def test_everything_ran(told: Deployment) -> None:
    """Each run of the deployment started and ended once; the clock may have struck twice."""
    starts = Counter(e["pipeline"] for e in told.named("run.start"))
    ends = Counter(e["pipeline"] for e in told.named("run.stop", "run.exception"))
    assert starts == ends, told.log()
    assert {**ENDED, "planned_job": ends["planned_job"]} == ends, told.log()
    assert ends["planned_job"] in {1, 2}


def test_nothing_of_ours_failed(told: Deployment) -> None:
    """No plugin failed and no event was dropped, in any process."""
    assert [] == told.named("plugin.failed", "plugin.quarantined", "event.dropped")


def test_a_sensor_polls_and_triggers(told: Deployment) -> None:
    """The poll that asked for runs is told once, then polls that skip; each run has its trigger below the poll."""
    (poll,) = [e for e in _polls(told.events) if e.get("result") == "triggered"]
    assert (3, "sensor") == (
        poll["attributes"]["flowstone.dagster.run_requests"],  # type: ignore[index]
        poll["attributes"]["flowstone.dagster.instigator"],  # type: ignore[index]
    )
    triggers = told.named("sensor.trigger", sensor="watching")
    assert ["assets_job", "deadly_job", "unlucky_job"] == sorted(str(e["pipeline"]) for e in triggers)
    assert {(poll["trace_id"], poll["span_id"], poll["correlation_id"])} == {
        (e["trace_id"], e["parent_id"], e["correlation_id"]) for e in triggers
    }
    skips = [e for e in _polls(told.events) if e is not poll]
    assert {("skipped", "nothing new", "seen")} == {
        (
            e.get("result", "skipped"),
            e["attributes"]["flowstone.dagster.skip_message"],  # type: ignore[index]
            e["attributes"]["flowstone.sensor.cursor"],  # type: ignore[index]
        )
        for e in skips
    }


def test_a_triggered_run_links_to_its_trigger(told: Deployment) -> None:
    """A run has a trace of its own, the poll's correlation id, and a link to the span of its trigger."""
    for trigger in told.named("sensor.trigger"):
        run = told.one("run.start", run_id=trigger["run_id"])
        link = only(run["links"])
        assert (trigger["trace_id"], trigger["span_id"]) == (link["trace_id"], link["span_id"])
        assert run["correlation_id"] == trigger["correlation_id"]
        assert run["trace_id"] != trigger["trace_id"]
        assert run["trace_id"] == trigger["attributes"]["flowstone.dagster.run_trace_id"]  # type: ignore[index]


def test_a_sensor_that_raises_is_told(told: Deployment) -> None:
    """Each of its polls is an error, and triggers nothing."""
    polls = told.named("sensor.poll", sensor="crashing")
    assert {("error", "LookupError")} == {(e["result"], e["error"]["type"]) for e in polls}  # type: ignore[index]
    assert [] == told.named("sensor.trigger", sensor="crashing")


def test_a_schedule_polls_and_triggers(told: Deployment) -> None:
    """A schedule is told like a sensor, marked as one."""
    polls = told.named("sensor.poll", sensor="minutely")
    triggers = told.named("sensor.trigger", sensor="minutely")
    assert {("triggered", "schedule")} == {
        (e["result"], e["attributes"]["flowstone.dagster.instigator"])  # type: ignore[index]
        for e in polls
    }
    assert {e["span_id"] for e in polls} == {e["parent_id"] for e in triggers}


def test_a_retried_run_is_the_next_attempt(told: Deployment) -> None:
    """The daemon's retry is a second attempt, under the same correlation id, linked to the first."""
    failed = told.one("run.exception", pipeline="unlucky_job")
    retried = told.one("run.stop", pipeline="unlucky_job")
    assert (1, 2) == (failed.get("attempt", 1), retried["attempt"])
    assert failed["correlation_id"] == retried["correlation_id"]
    link = only(retried["links"])
    assert (failed["trace_id"], failed["span_id"], {"flowstone.link.kind": "retry"}) == (
        link["trace_id"],
        link["span_id"],
        link["attributes"],
    )


def test_a_retried_step_is_the_next_attempt(told: Deployment) -> None:
    """Inside a run, too: same trace, next attempt, linked to the one before."""
    failed = told.one("materialization.exception", asset="fetched")
    done = told.one("materialization.stop", asset="fetched")
    assert (1, 2) == (failed.get("attempt", 1), done["attempt"])
    assert failed["span_id"] == only(done["links"])["span_id"]
    assert failed["trace_id"] == done["trace_id"]


def test_the_runs_of_a_backfill_belong_together(told: Deployment) -> None:
    """Both partitions' runs have the backfill's id as correlation id, and traces of their own."""
    runs = told.named("run.start", pipeline="regional_job")
    assert (1, 2) == (len({e["correlation_id"] for e in runs}), len({e["trace_id"] for e in runs}))
    assert 8 == len(str(runs[0]["correlation_id"]))
    made = told.named("materialization.stop", asset="regional")
    assert ["eu", "us"] == sorted(str(e["partition"]) for e in made)
    assert {runs[0]["correlation_id"]} == {e["correlation_id"] for e in made}


def test_a_killed_step_is_ended_by_its_run(told: Deployment) -> None:
    """What the dead process had begun ends once, as a fault of the host, and its run fails."""
    start = told.one("materialization.start", asset="killed")
    end = told.one("materialization.exception", asset="killed")
    assert (start["span_id"], "error") == (end["span_id"], end["status"])
    run = told.one("run.exception", pipeline="deadly_job")
    assert run["span_id"] == end["parent_id"]
    assert start["process"]["pid"] != told.one("run.start", pipeline="deadly_job")["process"]["pid"]  # type: ignore[index]


def test_starts_and_ends_match(told: Deployment) -> None:
    """In all processes together, each operation starts once and ends once, on one span id."""
    starts = Counter(e["span_id"] for e in told.events if str(e["name"]).endswith(".start"))
    ends = Counter(
        e["span_id"] for e in told.events if str(e["name"]).rpartition(".")[2] in {"stop", "exception"}
    )
    assert starts == ends
    assert {1} == set(starts.values())


def test_every_event_has_its_span(told: Deployment) -> None:
    """What was exported is what was told: the same ids, parents and links, in the same traces."""
    spans = told.spans()
    shown = [e for e in told.events if not str(e["name"]).endswith(".start") and "sensor" not in e]
    shown += told.named("sensor.trigger") + told.named("sensor.poll", result="triggered")
    shown = [e for e in shown if str(e.get("trace_id", "")).strip("0")]  # facts of a process have no trace
    # A span that waited for the next batch died with its process; the event had left it.
    lost = [e for e in shown if e["span_id"] not in spans]
    assert {("resource.health_check", "deadly_job")} >= {(e["name"], e["pipeline"]) for e in lost}
    for event in (e for e in shown if e not in lost):
        span = spans[str(event["span_id"])]
        assert (event["trace_id"], event.get("parent_id", "")) == (
            span.trace_id.hex(),
            span.parent_span_id.hex(),
        ), event
        links = {link["span_id"] for link in event.get("links", ())}  # type: ignore[attr-defined]
        assert links == {link.span_id.hex() for link in span.links}, event


def test_no_parent_is_missing(told: Deployment) -> None:
    """Each exported span is a root, or has its parent among the exported ones."""
    spans = told.spans()
    assert [] == [
        span.name for span in spans.values() if span.parent_span_id and span.parent_span_id.hex() not in spans
    ]


def test_metrics_count_exactly(told: Deployment) -> None:
    """Over all processes, each thing is counted once: also what died, was retried, or ended elsewhere."""
    clock = len(told.named("run.stop", pipeline="planned_job"))
    runs = told.counts("flowstone.run.duration", "flowstone.pipeline.name", "flowstone.outcome")
    assert {
        ("assets_job", "success"): 1,
        ("unlucky_job", "failure"): 1,
        ("unlucky_job", "success"): 1,
        ("deadly_job", "failure"): 1,
        ("regional_job", "success"): 2,
        ("planned_job", "success"): clock,
    } == runs
    made = told.counts("flowstone.materialization.duration", "flowstone.asset.key", "flowstone.outcome")
    assert {
        ("fetched", "failure"): 1,
        ("fetched", "success"): 1,
        ("summary", "success"): 1,
        ("unlucky", "failure"): 1,
        ("unlucky", "success"): 1,
        ("killed", "error"): 1,
        ("regional", "success"): 2,
        ("planned", "success"): clock,
    } == made
    assert {("load",): 1} == {
        key: n
        for key, n in told.counts("flowstone.io.duration", "flowstone.io.operation").items()
        if key == ("load",)
    }
    triggers = told.counts("flowstone.sensor.triggers", "flowstone.sensor.name")
    assert {("watching",): 3, ("minutely",): clock} == triggers
    polls = told.counts("flowstone.sensor.poll.duration", "flowstone.sensor.name", "flowstone.sensor.result")
    assert 1 == polls["watching", "triggered"]
    assert len(told.named("sensor.poll", sensor="crashing")) == polls["crashing", "error"]
