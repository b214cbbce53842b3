"""Metrics of several processes of one service, through the collector to Prometheus' page."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.otel.receivers import until
from tests.servers import collector
from tests.servers.collector import Collector, read, total
from tests.vendor.chain import sending

WORKERS = 4
EACH = 400
# Each tells its numbers many times, at times of its own, and begins and ends at another time than the others.
WORK = """
    import random, sys, time, flowstone
    random.seed(sys.argv[1])
    for _ in range(int(sys.argv[2])):
        with flowstone.materialization("daily"):
            pass
        time.sleep(random.random() / 100)
    assert flowstone.shutdown(5)
"""
# The first tells its old success until the second, which succeeded later, is gone.
EARLY = """
    import sys, time, flowstone
    with flowstone.materialization("hourly"):
        pass
    print(time.time(), flush=True)
    sys.stdin.read()
    time.sleep(0.5)
    flowstone.shutdown(5)
"""
LATE = """
    import time, flowstone
    started = time.time()
    with flowstone.materialization("hourly"):
        pass
    flowstone.shutdown(5)
    print(started)
"""
COUNT = "flowstone_materialization_duration_seconds_count"
LATEST = "flowstone_asset_last_success_time_seconds"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    with collector.running(tmp_path_factory.mktemp("collector"), "prometheus") as running:
        yield running


def start(
    code: str, server: Collector, home: Path, service: str, temporality: str, *arguments: str
) -> subprocess.Popen[bytes]:
    """Start a process of *service*."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "FLOWSTONE_"))}
    own = {
        **sending(server.endpoint),
        "OTEL_SERVICE_NAME": service,
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": temporality,
        "OTEL_METRIC_EXPORT_INTERVAL": "150",
        "FLOWSTONE_HOME": str(home),
        "FLOWSTONE_DISABLED_PLUGINS": "audit,console,pubsub,health,dagster",
    }
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    return subprocess.Popen(command, env={**kept, **own}, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def work(server: Collector, home: Path, service: str, temporality: str) -> None:
    """Have several processes work at the same time, and wait for them."""
    started = [
        start(WORK, server, home, service, temporality, str(number), str(EACH)) for number in range(WORKERS)
    ]
    for process in started:
        process.communicate(timeout=60)
    assert [0] * WORKERS == [process.returncode for process in started]


def series(page: str, name: str, service: str) -> list[str]:
    """Return the labels of all series of *name* that *service* has."""
    found = re.findall(rf"^{name}{{([^}}]*)}}", page, re.MULTILINE)
    return [labels for labels in found if f'job="{service}"' in labels]


def test_deltas_of_several_processes_add_up_to_one_series(server: Collector, tmp_path: Path) -> None:
    """What four processes count, overlapping in time, is the value of one series, exactly; it has no instance."""
    work(server, tmp_path, "deltas", "delta")
    until(lambda: total(read(server.scrape), COUNT) == WORKERS * EACH)
    page = read(server.scrape)
    (labels,) = series(page, COUNT, "deltas")
    assert "instance=" not in labels
    assert WORKERS * EACH == total(page, COUNT)
    assert f'{{{labels},le="+Inf"}} {WORKERS * EACH}' in page.replace("_bucket", "")
    own = read(server.own)
    assert [] == re.findall(r"^otelcol_deltatocumulative_datapoints{[^}]*error.*", own, re.MULTILINE)


def test_the_latest_success_is_that_of_all_processes(server: Collector, tmp_path: Path) -> None:
    """An asset's last success is the latest of all processes, even while an older one is told again and again."""
    early = start(EARLY, server, tmp_path, "latest", "delta")
    assert early.stdout is not None
    before = float(early.stdout.readline())
    late = start(LATE, server, tmp_path, "latest", "delta")
    after = float(late.communicate(timeout=60)[0])
    assert before < after
    early.communicate(timeout=60)
    assert until(lambda: after <= total(read(server.scrape), LATEST)), (before, after)
    (labels,) = series(read(server.scrape), LATEST, "latest")
    assert "instance=" not in labels
    assert [] == series(read(server.scrape_processes), LATEST, "latest")


def test_cumulative_processes_stay_apart_and_go(server: Collector, tmp_path: Path) -> None:
    """Processes that tell totals keep a series each, which add up; the series end after the processes."""
    work(server, tmp_path, "totals", "cumulative")
    page = read(server.scrape_processes)
    found = series(page, COUNT, "totals")
    instances = {part for labels in found for part in labels.split(",") if part.startswith("instance=")}
    assert (WORKERS, WORKERS) == (len(found), len(instances))
    counts = [line for line in page.splitlines() if line.startswith(COUNT) and 'job="totals"' in line]
    assert WORKERS * EACH == sum(float(line.split("} ")[1].split()[0]) for line in counts)
    assert until(lambda: not series(read(server.scrape_processes), COUNT, "totals"), 15)
