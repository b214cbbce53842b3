"""The real Prometheus for the tests."""

from __future__ import annotations

import json
import shutil
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.servers.programs import Program

MISSING = "no prometheus here; apt-get install prometheus"


class Prometheus(Program):
    """A Prometheus of one's own, which scrapes each second.

    Args:
        folder: Its data.
        targets: Ports to scrape, by the name of the job.
        rules: Files of rules.
        alertmanager: The port of an Alertmanager, 0 for none.
    """

    def __init__(
        self,
        folder: Path,
        targets: Mapping[str, Sequence[int]],
        rules: Sequence[Path] = (),
        alertmanager: int = 0,
    ) -> None:
        super().__init__(folder)
        self.url = f"http://127.0.0.1:{self.port}"
        self._targets, self._rules, self._alertmanager = targets, rules, alertmanager

    def command(self) -> Sequence[str]:
        """Return the command, its configuration written."""
        file = self.folder / "prometheus.json"  # JSON is YAML
        file.write_text(json.dumps(self._configuration()), encoding="utf-8")
        listening = ["--web.listen-address", f"127.0.0.1:{self.port}"]
        kept = ["--storage.tsdb.path", str(self.folder / "data"), "--enable-feature=exemplar-storage"]
        return [str(shutil.which("prometheus")), "--config.file", str(file), *kept, *listening]

    def _configuration(self) -> dict[str, Any]:
        jobs = [
            {
                "job_name": name,
                "honor_labels": True,
                "static_configs": [{"targets": [f"127.0.0.1:{port}" for port in ports]}],
            }
            for name, ports in self._targets.items()
        ]
        to = [{"static_configs": [{"targets": [f"127.0.0.1:{self._alertmanager}"]}]}]
        return {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(file) for file in self._rules],
            "scrape_configs": jobs,
            "alerting": {"alertmanagers": to if self._alertmanager else []},
        }

    def _takes_connections(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=2):
                return True
        except OSError:  # it listens before it answers
            return False

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the series of an instant query, each with ``metric`` and ``value``."""
        found: list[dict[str, Any]] = self._get("query", query=expression)["result"]
        return found

    def value(self, expression: str) -> float:
        """Return the sum of what a query finds, 0 for nothing."""
        return sum(float(one["value"][1]) for one in self.query(expression))

    def exemplars(self, selector: str) -> list[dict[str, Any]]:
        """Return the exemplars of the last hour, each with ``labels`` and ``value``."""
        now = time.time()
        found = self._get("query_exemplars", query=selector, start=str(now - 3600), end=str(now + 60))
        return [exemplar for series in found for exemplar in series["exemplars"]]

    def _get(self, what: str, **words: str) -> Any:
        asked = f"{self.url}/api/v1/{what}?{urllib.parse.urlencode(words)}"
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return json.loads(answer.read())["data"]


@contextmanager
def running(
    folder: Path, targets: Mapping[str, Sequence[int]], rules: Sequence[Path] = (), alertmanager: int = 0
) -> Iterator[Prometheus]:
    """Run a Prometheus; skip the test where none is installed."""
    if shutil.which("prometheus") is None:
        pytest.skip(MISSING)
    folder.mkdir(parents=True, exist_ok=True)
    server = Prometheus(folder, targets, rules, alertmanager)
    try:
        server.start()
        yield server
    finally:
        server.kill()
