"""Every query that we ship is asked of a real Prometheus, about real processes."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.laws.tree import ROOT
from tests.otel.receivers import until
from tests.servers import jaeger, prometheus
from tests.servers.built import program
from tests.servers.collector import NOWHERE, read
from tests.servers.jaeger import Jaeger
from tests.servers.ports import free_port
from tests.servers.prometheus import Prometheus
from tests.vendor.monitored import ENVIRONMENT, SERVICE, Strained, busy, direct, hastened

pytest.importorskip("grafana_foundation_sdk", reason="needs the dependency group `deploy`")

from deploy.generate.metrics import COLLECTOR, SPANS, instruments, prometheus_name
from deploy.generate.recording import groups
from deploy.generate.rules import ALERTS

pytestmark = pytest.mark.matrix

BOARDS = sorted((ROOT / "deploy" / "grafana").glob("*.json"))
# An environment is chosen: what nobody gave one, such as a process that is scraped itself, is shown all the same.
VARIABLES = {
    "$__rate_interval": "1m",
    "$__range": "1h",
    "$job": ".*",
    "$environment": ENVIRONMENT,
    "$pipeline": ".*",
    "$asset": ".*",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What was started."""

    prometheus: Prometheus
    jaeger: Jaeger
    pages: tuple[str, ...]


class Refusing(BaseHTTPRequestHandler):
    """A backend that refuses everything for good."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(400)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Be quiet."""


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A faulty process that pushes and is scraped, behind it a collector, Jaeger and Prometheus."""
    program("collector")
    folder = tmp_path_factory.mktemp("watched")
    refusing = ThreadingHTTPServer(("127.0.0.1", free_port()), Refusing)
    refusing.daemon_threads = True
    threading.Thread(target=refusing.serve_forever, daemon=True).start()
    with jaeger.running(folder / "jaeger") as traces:
        own = {**NOWHERE, "FLOWSTONE_OTLP_BACKEND": f"http://127.0.0.1:{refusing.server_port}"}
        own["FLOWSTONE_JAEGER_OTLP"] = traces.otlp
        (folder / "collector").mkdir()
        server = Strained(folder / "collector", ("prometheus", "jaeger", "otlp", "datadog"), own)
        server.start()
        try:
            yield from _watch(folder, server, traces)
        finally:
            server.kill()
            refusing.shutdown()
            refusing.server_close()


def _watch(folder: Path, server: Strained, traces: Jaeger) -> Iterator[Watched]:
    port = free_port()
    pushing = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": server.endpoint,
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta",
    }
    targets = {"totals": [server.scrape], "processes": [server.scrape_processes], "collector": [server.own]}
    with (
        busy(folder / "well", pushing, faulty=False),
        busy(
            folder / "faulty",
            {**pushing, **direct(port), "OTEL_METRICS_EXPORTER": "prometheus,otlp"},
            faulty=True,
        ),
        prometheus.running(folder / "prometheus", {**targets, "direct": [port]}, hastened(folder)) as asked,
    ):
        until(lambda: asked.query("job_environment_asset:flowstone_asset_gap_seconds:max14d"), 60)
        lost = f'count by (job) (flowstone_audit_lost_total{{job=~"direct|{SERVICE}"}})'
        until(lambda: len(asked.query(lost)) == 2, 60)  # its spool must be full before an entry is lost
        pages = tuple(read(one) for one in (port, server.scrape, server.scrape_processes, server.own))
        yield Watched(prometheus=asked, jaeger=traces, pages=pages)


def _filled(text: str) -> str:
    for name, value in VARIABLES.items():
        text = text.replace(name, value)
    assert "$" not in text, text
    return text


def _panels(board: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for panel in board["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target


def _matching(selector: str, label: str) -> str:
    """Return *selector*, limited to series that have *label*."""
    return f'{selector[:-1]}, {label}!=""}}' if selector.endswith("}") else f'{selector}{{{label}!=""}}'


def _silent(asked: Prometheus, queries: dict[str, str]) -> dict[str, str]:
    """Return the queries that have no series, asked until all have some or half a minute is over."""
    left = dict(queries)

    def answered() -> bool:
        for name in [name for name, query in left.items() if asked.query(query)]:
            del left[name]
        return not left

    until(answered, 30)
    return left


@pytest.mark.parametrize("board", BOARDS, ids=lambda path: path.stem)
def test_every_query_of_a_dashboard_returns_data(watched: Watched, board: Path) -> None:
    """Each query of each panel finds series, and so does each that fills a variable."""
    content = json.loads(board.read_text(encoding="utf-8"))
    queries = {
        f"{title} {target['refId']}": _filled(target["expr"])
        for title, target in _panels(content)
        if "expr" in target
    }
    assert len(queries) > 5
    for variable in content["templating"]["list"]:
        if variable["type"] == "query":
            match = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"])
            assert match, variable["query"]
            queries[variable["name"]] = f"count by ({match[2]}) ({_matching(_filled(match[1]), match[2])})"
    assert {} == _silent(watched.prometheus, queries)


@pytest.mark.parametrize("group", groups(), ids=lambda group: group.name)
def test_every_recording_rule_makes_series(watched: Watched, group: Any) -> None:
    """Each recording rule has recorded something, under each of its labels."""
    queries = {
        f"{rule.record} {rule.labels}": rule.record
        + "{"
        + ", ".join(f'{key}="{value}"' for key, value in rule.labels.items())
        + "}"
        for rule in group.rules
    }
    assert {} == _silent(watched.prometheus, queries)


def test_every_alert_looks_at_something(watched: Watched) -> None:
    """What each condition of each alert compares has series, so that it cannot be silent by a wrong name."""
    queries = {
        f"{alert.name} {number}": condition.value
        for alert in ALERTS
        for number, condition in enumerate(alert.conditions)
    }
    hasty = {name: query.replace("[7d] offset 1h", "[7d] offset 2s") for name, query in queries.items()}
    assert {} == _silent(watched.prometheus, hasty)


def test_prometheus_calls_every_metric_as_the_generator_does(watched: Watched) -> None:
    """The names that are worked out stand on the pages that are scraped: of the process, and of the collector."""
    own, *collector = watched.pages
    expected = {name: prometheus_name(one) for name, one in instruments().items()}
    of_spans = {one.name for one in SPANS}
    assert {} == {k: v for k, v in expected.items() if k not in of_spans and not _stands(v, own)}
    assert {} == {k: v for k, v in expected.items() if not _stands(v, "\n".join(collector))}
    assert [] == [name for name in COLLECTOR if not _stands(name, watched.pages[-1])]


def _stands(name: str, page: str) -> bool:
    return re.search(rf"^{name}(_bucket)?[ {{]", page, re.MULTILINE) is not None


def test_exemplars_of_the_dashboards_lead_to_traces(watched: Watched) -> None:
    """A dot in a panel has the id of a trace that Jaeger knows."""
    found = until(lambda: watched.prometheus.exemplars("flowstone_run_duration_seconds_bucket"), 20)
    ids = {one["labels"]["trace_id"] for one in found}
    assert ids
    assert until(lambda: any(watched.jaeger.trace(one) for one in ids), 20)


def test_the_search_for_a_correlation_id_finds_its_trace(watched: Watched) -> None:
    """What the panel of traces asks Jaeger finds a run by its correlation id."""
    (target,) = (
        target
        for board in BOARDS
        for _, target in _panels(json.loads(board.read_text(encoding="utf-8")))
        if target.get("queryType") == "search"
    )
    key, _, value = target["tags"].partition("=")
    assert ("$service", '"$correlation_id"') == (target["service"], value)
    known = until(lambda: watched.jaeger.find(SERVICE), 20)
    tags = {
        tag["key"]: tag["value"] for span in known[0]["spans"] for tag in span["tags"] if tag["key"] == key
    }
    assert known[0]["traceID"] in {
        one["traceID"] for one in watched.jaeger.find(SERVICE, **{key.replace(".", "__"): tags[key]})
    }
