from __future__ import annotations

import json

import pytest

from tests.otel.receivers import Sink, run
from tests.servers.ports import free_port

pytest.importorskip("opentelemetry.exporter.prometheus", reason="needs the extra `prometheus`")

SCRAPE = """
    import json, time, urllib.error, urllib.request
    import flowstone, flowstone.plugin
    with flowstone.run("nightly", run_id="r1", correlation_id="c1"):
        with flowstone.materialization("daily"):
            with flowstone.io_load("orders", io_manager="s3") as io:
                io.size_bytes = 2048
        flowstone.resource_health("warehouse", healthy=True)
        flowstone.sensor_trigger("s3", run_id="r2")
    assert flowstone.flush(5)

    def scrape():
        for _ in range(100):
            try:
                return urllib.request.urlopen("http://127.0.0.1:{port}/metrics", timeout=5).read().decode()
            except urllib.error.URLError:
                time.sleep(0.05)
        return ""

    first = scrape()
    with flowstone.run("nightly"), flowstone.materialization("daily"):
        pass
    flowstone.flush(5)
    print(json.dumps([first, scrape(), flowstone.plugin.stats()]))
"""
ENV = {"OTEL_METRICS_EXPORTER": "prometheus", "OTEL_EXPORTER_PROMETHEUS_HOST": "127.0.0.1"}


def scraped(port: int, **env: str) -> tuple[str, str, dict[str, int]]:
    code = SCRAPE.replace("{port}", str(port))
    done = run(code, **{**ENV, "OTEL_EXPORTER_PROMETHEUS_PORT": str(port), **env})
    assert (0, "") == (done.returncode, done.stderr)
    first, second, stats = json.loads(done.stdout)
    return first, second, stats


def samples(page: str, name: str) -> dict[str, float]:
    """Return labels and value of each sample called *name*."""
    found = {}
    for line in page.splitlines():
        if line.startswith((f"{name} ", f"{name}{{")):
            labels, _, value = line.removeprefix(name).rpartition(" ")
            found[labels] = float(value)
    return found


def test_prometheus_scrapes_our_cells() -> None:
    """Names and units are Prometheus's; every scrape reads the state of that moment."""
    first, second, _ = scraped(free_port())
    count = "flowstone_materialization_duration_seconds_count"
    assert [1.0] == list(samples(first, count).values())
    assert [2.0] == list(samples(second, count).values())
    buckets = samples(first, "flowstone_materialization_duration_seconds_bucket")
    assert 16 == len(buckets)
    assert all('flowstone_asset_key="daily"' in labels for labels in buckets)
    assert [2048.0] == list(samples(first, "flowstone_io_size_bytes_sum").values())
    assert [1.0] == list(samples(first, "flowstone_sensor_triggers_total").values())
    assert 4 == len(samples(first, "flowstone_resource_status"))
    assert samples(first, "flowstone_asset_last_success_time_seconds")
    assert "correlation" not in first


def test_it_may_be_pushed_too() -> None:
    """With `prometheus,otlp` the same numbers are scraped and pushed."""
    sink = Sink()
    first, _, _ = scraped(
        free_port(), OTEL_METRICS_EXPORTER="prometheus,otlp", OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint
    )
    sink.close()
    assert samples(first, "flowstone_run_duration_seconds_count")
    assert 1 == sink.points("flowstone.run.duration")[0][1]


def test_a_port_that_is_taken_costs_one_line_and_is_counted() -> None:
    """A second process on the port goes on without an endpoint, and says so."""
    sink = Sink()
    port = sink.server.server_port
    code = """
        import flowstone, json, time
        from flowstone.plugin import stats
        with flowstone.run("nightly"):
            pass
        flowstone.flush(5)
        for _ in range(100):
            if not stats().get("export.failed.scrape"):
                time.sleep(0.05)
        print(json.dumps(stats()))
    """
    done = run(code, **ENV, OTEL_EXPORTER_PROMETHEUS_PORT=str(port))
    sink.close()
    assert 0 == done.returncode
    assert 1 == json.loads(done.stdout)["export.failed.scrape"]
    assert 1 == len(done.stderr.strip().splitlines())
