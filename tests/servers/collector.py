"""The real OpenTelemetry Collector for the tests, with the repository's configuration."""

from __future__ import annotations

import re
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.laws.tree import ROOT
from tests.servers.built import program
from tests.servers.ports import free_port
from tests.servers.programs import Program

OVERLAYS: Final = ("jaeger", "datadog", "prometheus", "otlp")

# What every overlay needs to be told; nobody listens there.
NOWHERE: Final = {
    "FLOWSTONE_JAEGER_OTLP": "127.0.0.1:9",
    "FLOWSTONE_OTLP_BACKEND": "http://127.0.0.1:9",
    "DD_API_KEY": "none",
    "DD_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:9/v1/traces",
    "DD_OTLP_METRICS_ENDPOINT": "http://127.0.0.1:9/v1/metrics",
    "DD_OTLP_LOGS_ENDPOINT": "http://127.0.0.1:9/v1/logs",
}
# What users wait minutes for, tests do not: span metrics, and the end of a process's series.
_SOON: Final = (
    "connectors::span_metrics::metrics_flush_interval: 1s",
    "exporters::prometheus/processes::metric_expiration: 5s",
)


def configuration(*overlays: str) -> list[str]:
    """Return the arguments that name the base and *overlays*."""
    files = [ROOT / "otel-collector-config.yaml"]
    files += [ROOT / "deploy" / "collector" / f"{overlay}.yaml" for overlay in overlays]
    return [f"--config={file}" for file in files]


class Collector(Program):
    """A collector of one's own, on ports of its own; its queues are in its folder.

    Args:
        folder: Its data.
        overlays: Names of files in ``deploy/collector``.
        env: Variables that tell the overlays where to.
        changes: Settings to change, as ``a::b: value``.
    """

    def __init__(
        self, folder: Path, overlays: Sequence[str], env: Mapping[str, str], changes: Sequence[str] = ()
    ) -> None:
        super().__init__(folder)
        self.overlays = overlays
        self._changes = [*_SOON[: 2 if "prometheus" in overlays else 1], *changes]
        self.grpc, self.health, self.own = free_port(), free_port(), free_port()
        self.scrape, self.scrape_processes = free_port(), free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.env = {
            "FLOWSTONE_OTLP_HTTP": f"127.0.0.1:{self.port}",
            "FLOWSTONE_OTLP_GRPC": f"127.0.0.1:{self.grpc}",
            "FLOWSTONE_OTLP_HEALTH": f"127.0.0.1:{self.health}",
            "FLOWSTONE_OTLP_SELF_PORT": str(self.own),
            "FLOWSTONE_OTLP_QUEUE": str(folder / "queue"),
            "FLOWSTONE_PROMETHEUS_SCRAPE": f"127.0.0.1:{self.scrape}",
            "FLOWSTONE_PROMETHEUS_SCRAPE_PROCESSES": f"127.0.0.1:{self.scrape_processes}",
            **env,
        }

    def command(self) -> Sequence[str]:
        """Return the command."""
        variables = [f"{key}={value}" for key, value in self.env.items()]
        changed = [f"--config=yaml:{one}" for one in self._changes]
        return ["env", *variables, program("collector"), *configuration(*self.overlays), *changed]

    def counted(self, name: str) -> float:
        """Return the sum over all series of its own metric *name*, 0 where it has none."""
        return total(read(self.own), name)

    def log(self) -> str:
        """Return what it said."""
        return (self.folder / "log").read_text(encoding="utf-8")


def read(port: int) -> str:
    """Return the metrics page on *port*, with exemplars where it has some."""
    asked = urllib.request.Request(
        f"http://127.0.0.1:{port}/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"}
    )
    with urllib.request.urlopen(asked, timeout=5) as answer:
        return str(answer.read().decode())


def total(page: str, name: str) -> float:
    """Return the sum over all series of *name* on a metrics page."""
    found = re.findall(rf"^{name}(?:{{[^#\n]*}})? (\S+)", page, re.MULTILINE)
    return sum(float(value) for value in found)


def validate(
    *overlays: str, env: Mapping[str, str] = NOWHERE, more: Sequence[Path] = ()
) -> subprocess.CompletedProcess[str]:
    """Have the collector check the base with *overlays*, and with the files *more*."""
    files = [*configuration(*overlays), *(f"--config={file}" for file in more)]
    command = [program("collector"), "validate", *files]
    return subprocess.run(command, env=dict(env), capture_output=True, text=True, timeout=60, check=False)


@contextmanager
def running(folder: Path, *overlays: str, changes: Sequence[str] = (), **env: str) -> Iterator[Collector]:
    """Run a collector; skip the test where none was built."""
    program("collector")
    folder.mkdir(parents=True, exist_ok=True)
    server = Collector(folder, overlays, env, changes)
    try:
        server.start()
        yield server
    finally:
        server.kill()
