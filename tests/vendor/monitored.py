"""What the tests of dashboards and alerts run beside the servers: busy processes, rules that do not wait."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml

from tests.laws.tree import ROOT
from tests.servers.collector import Collector
from tests.vendor.busy import FAULTY

SERVICE = "shop"
ENVIRONMENT = "prod"
RULES = ROOT / "deploy" / "prometheus"
BUSY = Path(__file__).with_name("busy.py")


class Strained(Collector):
    """A collector whose queue for Datadog holds a single request, so that it is full at once."""

    def command(self) -> Sequence[str]:
        """Return the command."""
        return [
            *super().command(),
            "--config=yaml:exporters::otlp_http/datadog::sending_queue::queue_size: 1",
        ]


def hastened(folder: Path) -> list[Path]:
    """Write the shipped rules with all waiting taken out, and return the files.

    What is asked stays as it is, apart from the two offsets that look back behind the test's beginning.
    """
    made = []
    for name in ("rules.yaml", "alerts.yaml"):
        content = yaml.safe_load((RULES / name).read_text(encoding="utf-8"))
        for group in content["groups"]:
            group["interval"] = "1s"
            for rule in group["rules"]:
                rule["expr"] = re.sub(
                    r"(?<=:max) offset 1m|(?<=\[7d\]) offset 1h", " offset 2s", rule["expr"]
                )
                if "for" in rule:
                    rule["for"] = "1s"
        made.append(folder / name)
        made[-1].write_text(yaml.safe_dump(content), encoding="utf-8")
    return made


@contextmanager
def busy(folder: Path, env: Mapping[str, str], *, faulty: bool) -> Iterator[None]:
    """Run a busy process with a home of its own; end it afterwards."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "FLOWSTONE_"))}
    own = {
        "FLOWSTONE_HOME": str(folder / "home"),
        "FLOWSTONE_HEALTH_INTERVAL": "0.5",
        "FLOWSTONE_HEALTH_DATABASE_URL": "",
        "OTEL_SERVICE_NAME": SERVICE,
        "OTEL_RESOURCE_ATTRIBUTES": f"deployment.environment.name={ENVIRONMENT}",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_METRIC_EXPORT_INTERVAL": "1000",
    }
    command = [sys.executable, str(BUSY), *(["faulty"] if faulty else [])]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, env={**kept, **own, **(FAULTY if faulty else {}), **env}, stdout=log, stderr=log
        )
        try:
            yield
            assert process.poll() is None, (folder / "log").read_text(encoding="utf-8")[-2000:]
        finally:
            process.kill()
            process.wait(10)


def direct(port: int) -> dict[str, str]:
    """Return the variables of a process that serves its own metrics on *port*."""
    return {"OTEL_EXPORTER_PROMETHEUS_HOST": "127.0.0.1", "OTEL_EXPORTER_PROMETHEUS_PORT": str(port)}
