"""Real Dagster runs through the real collector, to Jaeger, Datadog's test agent and Prometheus."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from plugins.dagster.tests.environment import HERE as DAGSTER
from plugins.dagster.tests.environment import make
from tests.otel.receivers import attributes, until
from tests.servers import prometheus
from tests.servers.collector import read, total
from tests.servers.jaeger import spans
from tests.servers.ports import free_port
from tests.vendor.chain import SERVICE, Chain, running

pytestmark = pytest.mark.matrix

Span = dict[str, Any]
IDS = ("three_steps", "rerun")
SCRAPED = """
    import sys, flowstone
    for _ in range(3):
        with flowstone.run("nightly"), flowstone.materialization("daily"):
            pass
    sys.stdin.read()
"""
SPAN_ENDS = (".stop", ".exception", ".health_check")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What came of the runs.

    Attributes:
        chain: The programs.
        events: What flowstone told the test's own plugin, which is the truth here.
        spans: What Jaeger knows, by span id.
    """

    chain: Chain
    events: list[dict[str, Any]]
    spans: dict[str, Span]

    def ends(self) -> dict[str, dict[str, Any]]:
        """Return the events that make spans, by span id."""
        return {one["span_id"]: one for one in self.events if one["name"].endswith(SPAN_ENDS)}

    def named(self, name: str) -> list[Span]:
        """Return the spans of that name."""
        return [span for span in self.spans.values() if span["name"] == name]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """A run of three steps in processes of their own, and one that fails and is executed anew, twice."""
    folder = tmp_path_factory.mktemp("chain")
    python = make(folder / "environment")
    with running(folder) as chain:
        told = folder / "events.jsonl"
        (folder / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("FLOWSTONE", "OTEL"))}
        own = {name: str(folder) for name in ("FLOWSTONE_HOME", "DAGSTER_HOME")}
        # These tell of themselves too, outside of any run.
        own |= {"FLOWSTONE_DISABLED_PLUGINS": "audit,pubsub,health", "FLOWSTONE_DAGSTER": "1"}
        subprocess.run(
            [python, str(DAGSTER / "scenarios.py"), *IDS],
            env={**kept, **chain.sender, **own, "SINK_FILE": str(told)},
            cwd=DAGSTER,
            capture_output=True,
            timeout=180,
            check=True,
        )
        events = [json.loads(line) for line in told.read_text(encoding="utf-8").splitlines()]
        seen = Seen(chain=chain, events=events, spans={})
        until(lambda: set(seen.ends()) <= set(_known(chain)), 20)
        seen.spans.update(_known(chain))
        yield seen


def _known(chain: Chain) -> dict[str, Span]:
    """Return what Jaeger finds by correlation id, by span id."""
    found = [chain.jaeger.find(SERVICE, flowstone__correlation__id=one) for one in IDS]
    return {span["id"]: span for traces in found for span in spans(traces)}


def test_jaeger_has_every_span_under_its_correlation_id(seen: Seen) -> None:
    """What Jaeger finds by correlation id is what was told: no span more, no span less, the same traces."""
    truth = {one["span_id"]: (one["trace_id"], one["correlation_id"]) for one in seen.ends().values()}
    assert len(truth) > 25
    assert truth == {
        span["id"]: (span["trace"], span["tags"]["flowstone.correlation.id"]) for span in seen.spans.values()
    }


def test_jaeger_has_the_parents(seen: Seen) -> None:
    """Each span hangs where its event said."""
    truth = {one["span_id"]: one.get("parent_id") or None for one in seen.ends().values()}
    assert truth == {span["id"]: span["parent"] for span in seen.spans.values()}


def test_jaeger_has_the_links_of_runs_executed_anew(seen: Seen) -> None:
    """Of three runs one after the other the second links to the first, the third to the second."""
    runs = {span["id"]: span["links"] for span in seen.named("run failing_job")}
    (first,) = [span for span, links in runs.items() if not links]
    (second,) = [span for span, links in runs.items() if links == [first]]
    (third,) = set(runs) - {first, second}
    assert [second] == runs[third]


def test_jaeger_has_the_errors(seen: Seen) -> None:
    """Failed steps and runs are errors, with the exception on the innermost; the others are not."""
    failed = {one["span_id"] for one in seen.ends().values() if one["name"].endswith(".exception")}
    assert 6 == len(failed)
    assert failed == {span["id"] for span in seen.spans.values() if span["tags"].get("error")}
    (raised,) = {
        log["exception.type"] for span in seen.named("materialize failing_op") for log in span["logs"]
    }
    assert raised.endswith("ValueError")


def test_datadog_has_the_same_spans(seen: Seen) -> None:
    """Datadog's agent has each span once, in service, env and version, named by operation and resource."""
    found = [one for one in seen.chain.agent.spans() if one["resource"]["service.name"] == SERVICE]
    assert len(seen.spans) == len(found)
    assert sorted(span["name"] for span in seen.spans.values()) == sorted(one["name"] for one in found)
    wanted = {"service.version": "4.2", "deployment.environment.name": "staging"}
    assert [] == [one["name"] for one in found if not wanted.items() <= one["resource"].items()]
    for one in found:
        named = attributes(one)
        assert one["name"] == named["resource.name"]
        assert f"flowstone.{one['name'].split()[0]}" == named["operation.name"]


def test_datadog_has_metrics_as_deltas(seen: Seen) -> None:
    """Whatever counts up arrives as deltas, those of spans too, and adds up to what happened."""

    def calls() -> float:
        points = [
            point
            for metric in seen.chain.agent.metrics()
            if metric["name"] == "flowstone.span.calls"
            for point in metric["sum"]["data_points"]
        ]
        return sum(int(point["as_int"]) for point in points)

    assert until(lambda: calls() == len(seen.spans), 30), calls()
    kinds = {
        (metric["name"], metric[kind]["aggregation_temporality"])
        for metric in seen.chain.agent.metrics()
        for kind in ("sum", "histogram")
        if kind in metric and (kind == "histogram" or metric["sum"].get("is_monotonic"))
    }
    assert ("flowstone.run.duration", "AGGREGATION_TEMPORALITY_DELTA") in kinds
    assert {"AGGREGATION_TEMPORALITY_DELTA"} == {temporality for _, temporality in kinds}, kinds


def test_prometheus_has_the_counts(seen: Seen) -> None:
    """A real Prometheus that scrapes the collector counts what happened, over all processes of the runs."""
    asked = seen.chain.prometheus
    steps = [one for one in seen.spans.values() if one["name"].startswith("materialize ")]
    counts = "flowstone_materialization_duration_seconds_count"
    # A scrape waits for the disk; what was counted before it says less than all, and for as long as that takes.
    assert until(lambda: asked.value(counts) == len(steps), 30), asked.query(counts)
    failed = [one for one in steps if one["tags"].get("error")]
    assert len(failed) == asked.value(f'{counts}{{flowstone_outcome="failure"}}')
    assert until(lambda: asked.value("flowstone_span_calls_total") == len(seen.spans), 30)
    labels = {key for one in asked.query("flowstone_span_calls_total") for key in one["metric"]}
    assert "deployment_environment_name" in labels


def test_exemplars_lead_to_traces(seen: Seen) -> None:
    """Each exemplar in Prometheus names a trace and a span that Jaeger knows, those of span metrics too."""
    own = '{__name__=~"flowstone_(materialization|run|io)_.*"}'
    for selector in (own, '{__name__=~"flowstone_span_duration.*"}'):
        found = [one["labels"] for one in until(partial(seen.chain.prometheus.exemplars, selector))]
        assert found
        assert [] == [
            one for one in found if seen.spans.get(one["span_id"], {}).get("trace") != one["trace_id"]
        ]


def test_the_collector_lost_nothing(seen: Seen) -> None:
    """The collector's own numbers say the same: all taken, none refused or failed."""
    page = read(seen.chain.collector.own)
    assert len(seen.spans) == total(page, "otelcol_receiver_accepted_spans")
    for name in ("receiver_refused_spans", "exporter_send_failed_spans", "exporter_enqueue_failed_spans"):
        assert 0 == total(page, f"otelcol_{name}")
    drops = [line for line in page.splitlines() if line.startswith("otelcol_deltatocumulative_datapoints{")]
    assert [] == [line for line in drops if "error" in line]


def test_prometheus_scrapes_the_process_itself(tmp_path: Path) -> None:
    """A process without a collector is scraped by a real Prometheus, and its counts are right."""
    port = free_port()
    env = {"OTEL_METRICS_EXPORTER": "prometheus", "OTEL_EXPORTER_PROMETHEUS_PORT": str(port)}
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("FLOWSTONE", "OTEL"))}
    command = [sys.executable, "-c", textwrap.dedent(SCRAPED)]
    with prometheus.running(tmp_path / "prometheus", {"process": [port]}) as scraping:
        own = {**kept, **env, "FLOWSTONE_HOME": str(tmp_path)}
        process = subprocess.Popen(command, env=own, stdin=subprocess.PIPE)
        try:
            assert until(lambda: scraping.value("flowstone_run_duration_seconds_count") == 3, 20)
            assert until(lambda: scraping.value("flowstone_materialization_duration_seconds_count") == 3, 20)
        finally:
            process.communicate(b"", timeout=20)
        assert 0 == process.returncode
