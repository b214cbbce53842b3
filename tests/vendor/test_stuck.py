"""A materialization that does not end is told, and no longer than its process lives."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.otel.receivers import until
from tests.servers import collector, prometheus
from tests.vendor.chain import sending
from tests.vendor.monitored import hastened

pytestmark = pytest.mark.matrix

STUCK = """
    import time, flowstone
    with flowstone.run("nightly"), flowstone.materialization("daily"):
        time.sleep(600)
"""


@contextmanager
def stuck(home: Path, endpoint: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process that never gets on with its materialization."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "FLOWSTONE_"))}
    own = {"FLOWSTONE_HOME": str(home), "OTEL_METRIC_EXPORT_INTERVAL": "1000", **sending(endpoint)}
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(STUCK)], env={**kept, **own})
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


def test_a_stuck_materialization_is_told_until_its_process_is_killed(tmp_path: Path) -> None:
    """The alert fires while the process lives, names it, and ends when it is killed: its series goes too."""
    firing = 'ALERTS{alertname="FlowstoneMaterializationStuck", alertstate="firing"}'
    with collector.running(tmp_path / "collector", "prometheus") as between:
        jobs = {"flowstone": [between.scrape, between.scrape_processes]}
        with (
            prometheus.running(tmp_path / "prometheus", jobs, hastened(tmp_path)) as asked,
            stuck(tmp_path / "home", between.endpoint) as process,
        ):
            (told,) = until(lambda: asked.query(firing), 30)
            assert told["metric"]["instance"]
            assert "nightly" == told["metric"]["flowstone_pipeline_name"]
            process.kill()
            assert until(lambda: not asked.query(firing), 30)
