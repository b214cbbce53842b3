"""`flowstone doctor --send` through the real programs, and with one hop missing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers import collector
from tests.servers.ports import free_port
from tests.vendor.chain import Chain, running, sending


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    with running(tmp_path_factory.mktemp("chain")) as chain:
        yield chain


def hops(home: Path, *arguments: str, **env: str) -> tuple[int, dict[str, list[dict[str, Any]]]]:
    """Return the exit code, and what was found, by area."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "FLOWSTONE_"))}
    own = {"FLOWSTONE_HOME": str(home), "FLOWSTONE_DISABLED_PLUGINS": "audit,pubsub,health,dagster"}
    done = subprocess.run(
        [sys.executable, "-m", "flowstone.cli.main", "doctor", "--json", "--send", *arguments],
        env={**kept, **own, **env},
        cwd=home,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for one in json.loads(done.stdout)["findings"]:
        found.setdefault(one["area"], []).append(one)
    return done.returncode, found


def known(server: collector.Collector) -> dict[str, str]:
    """Return the variables that tell where the collector is, and where its health and its numbers are."""
    where = {"FLOWSTONE_OTLP_HEALTH": server.env["FLOWSTONE_OTLP_HEALTH"]}
    return {**sending(server.endpoint), **where, "FLOWSTONE_OTLP_SELF_PORT": str(server.own)}


def states(found: dict[str, list[dict[str, Any]]], *areas: str) -> set[str]:
    """Return the states of these areas' findings."""
    return {one["state"] for area in areas for one in found[area]}


@pytest.mark.parametrize("temporality", ["delta", "cumulative"])
def test_it_arrives_at_every_hop(chain: Chain, tmp_path: Path, temporality: str) -> None:
    """Receiver, collector, Jaeger, Datadog's agent and Prometheus each have it, and that is said of each."""
    urls = ["--jaeger", chain.jaeger.url, "--prometheus", chain.prometheus.url]
    urls += ["--datadog-agent", chain.agent.endpoint]
    told = {"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": temporality}
    code, found = hops(tmp_path, *urls, "--timeout", "60", **{**known(chain.collector), **told})
    areas = ("sent", "collector", "jaeger", "datadog", "prometheus")
    assert {"ok"} == states(found, *areas), {area: found[area] for area in areas}
    assert 0 == code
    said = [one["text"] for one in found["sent"]]
    assert ["traces", "metrics", "logs"] == [text.partition(":")[0] for text in said[1:]]
    (text,) = [one["text"] for one in found["prometheus"]]
    assert text.endswith("with an exemplar of the trace")
    passed = {one["text"].partition(":")[0] for one in found["collector"]}
    assert {"otlp_grpc/jaeger", "otlp_http/datadog", "prometheus/processes"} <= passed


def test_the_hop_that_is_missing_is_named(chain: Chain, tmp_path: Path) -> None:
    """With the backend gone the collector took it and Jaeger has not got it: only that is the problem."""
    gone = f"127.0.0.1:{free_port()}"
    with collector.running(tmp_path / "collector", "jaeger", FLOWSTONE_JAEGER_OTLP=gone) as between:
        arguments = ("--jaeger", chain.jaeger.url, "--timeout", "3")
        code, found = hops(tmp_path, *arguments, **known(between))
    assert 1 == code
    assert {"ok"} == states(found, "sent")
    (waiting,) = [one for one in found["collector"] if one["text"].startswith("otlp_grpc/jaeger:")]
    assert "passed on yet" in waiting["text"]
    assert ["problem"] == [one["state"] for one in found["jaeger"]]


def test_without_a_collector_the_first_hop_is_the_problem(tmp_path: Path) -> None:
    """Where nobody takes it, that is said of each signal, in bounded time."""
    code, found = hops(tmp_path, "--timeout", "5", **sending(f"http://127.0.0.1:{free_port()}"))
    assert 1 == code
    assert ["ok", "problem", "problem", "problem"] == [one["state"] for one in found["sent"]]


def test_nothing_configured_is_said(tmp_path: Path) -> None:
    """Without an endpoint nothing is sent, and --send says so as a problem."""
    code, found = hops(tmp_path)
    assert (1, ["problem"]) == (code, [one["state"] for one in found["sent"]])
