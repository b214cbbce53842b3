"""The whole chain of real programs: collector, Jaeger, Datadog's test agent, Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.otel.receivers import TestAgent, agent_program, running_agent
from tests.servers import collector, jaeger, prometheus
from tests.servers.collector import Collector
from tests.servers.jaeger import Jaeger
from tests.servers.prometheus import Prometheus

SERVICE = "warehouse"
RESOURCE = "deployment.environment.name=staging,service.version=4.2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """What runs, and the variables of a process that sends to it."""

    collector: Collector
    jaeger: Jaeger
    agent: TestAgent
    prometheus: Prometheus

    @property
    def sender(self) -> dict[str, str]:
        """The variables of a short process: deltas, over HTTP, to the collector."""
        return sending(self.collector.endpoint)


def sending(endpoint: str) -> dict[str, str]:
    """Return the variables of a short process that sends to *endpoint*."""
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta",
        "OTEL_SERVICE_NAME": SERVICE,
        "OTEL_RESOURCE_ATTRIBUTES": RESOURCE,
    }


def datadog(endpoint: str) -> dict[str, str]:
    """Return the variables of the collector that send to the OTLP port of Datadog's agent."""
    signals = ("traces", "metrics", "logs")
    told = {f"DD_OTLP_{signal.upper()}_ENDPOINT": f"{endpoint}/v1/{signal}" for signal in signals}
    return {"DD_API_KEY": "none", **told}


@contextmanager
def running(folder: Path) -> Iterator[Chain]:
    """Run all four; skip the test where one is missing."""
    program = agent_program()
    if program is None:
        pytest.skip("no ddapm-test-agent that takes OTLP; name one in FLOWSTONE_TEST_AGENT")
    with ExitStack() as stack:
        store = stack.enter_context(jaeger.running(folder / "jaeger"))
        snapshots = folder / "snapshots"
        snapshots.mkdir()
        agent = stack.enter_context(running_agent(snapshots, program))
        env = {"FLOWSTONE_JAEGER_OTLP": store.otlp, **datadog(agent.endpoint)}
        overlays = ("jaeger", "datadog", "prometheus")
        between = stack.enter_context(collector.running(folder / "collector", *overlays, **env))
        jobs = {"collector": [between.scrape, between.scrape_processes], "self": [between.own]}
        scraping = stack.enter_context(prometheus.running(folder / "prometheus", jobs))
        yield Chain(collector=between, jaeger=store, agent=agent, prometheus=scraping)
