"""The backend goes away and comes back; the collector is killed and restarted. The pipeline works on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.otel.receivers import until
from tests.servers import collector, jaeger
from tests.servers.jaeger import Jaeger
from tests.servers.relay import relayed
from tests.vendor.chain import sending
from tests.vendor.pipelines import working

# So that a test of seconds need not wait for retries of minutes.
EAGER = (
    "exporters::otlp_grpc/jaeger::retry_on_failure::initial_interval: 500ms",
    "exporters::otlp_grpc/jaeger::retry_on_failure::max_interval: 2s",
)
LOST = ("export.failed.spans", "export.dropped.spans")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jaeger]:
    with jaeger.running(tmp_path_factory.mktemp("jaeger")) as running:
        yield running


def arrived(store: Jaeger, trace: str) -> dict[str, set[str]]:
    """Return the ids of all spans of a trace that Jaeger has, by name."""
    found: dict[str, set[str]] = {}
    for span in jaeger.spans([one for one in [store.trace(trace)] if one]):
        found.setdefault(span["name"], set()).add(span["id"])
    return found


def noticed_nothing(told: dict[str, Any]) -> None:
    """Check that the pipeline was not held up: the least time-out on the way is 3 s."""
    assert told["p99"] < 0.05, told
    assert told["worst"] < 1, told
    assert told["shutdown"] < 5.5, told


@pytest.mark.parametrize("away", [4, pytest.param(60, marks=pytest.mark.matrix)])
def test_a_backend_that_was_away_gets_everything(store: Jaeger, tmp_path: Path, away: float) -> None:
    """What was told while the backend was away arrives after its return, every span, under one id each."""
    with (
        relayed(store.grpc) as wire,
        collector.running(
            tmp_path / "collector", "jaeger", changes=EAGER, FLOWSTONE_JAEGER_OTLP=f"127.0.0.1:{wire.port}"
        ) as between,
    ):
        with working(tmp_path, sending(between.endpoint)) as pipeline:
            until(lambda: between.counted("otelcol_exporter_sent_spans"))
            wire.cut()
            time.sleep(away)
            waiting = between.counted("otelcol_exporter_queue_size")
            wire.mend()
            told = pipeline.stop()
        assert waiting > 0
        assert told["complete"]
        noticed_nothing(told)
        wanted = {"run nightly", *(f"materialize asset-{number}" for number in range(told["count"]))}
        # gRPC doubles its pauses too, so it may take as long again until it connects.
        until(lambda: set(arrived(store, told["trace"])) == wanted, 2 * away + 20)
        found = arrived(store, told["trace"])
        assert wanted == set(found)
        assert {1} == {len(ids) for ids in found.values()}
        assert 0 == between.counted("otelcol_exporter_send_failed_spans")
        assert 0 == between.counted("otelcol_exporter_enqueue_failed_spans")


def test_a_killed_collector_keeps_what_it_accepted(store: Jaeger, tmp_path: Path) -> None:
    """A collector killed with its queue full of what it accepted delivers it after its restart."""
    with (
        relayed(store.grpc) as wire,
        collector.running(
            tmp_path / "collector", "jaeger", changes=EAGER, FLOWSTONE_JAEGER_OTLP=f"127.0.0.1:{wire.port}"
        ) as between,
    ):
        wire.cut()
        with working(tmp_path, sending(between.endpoint)) as pipeline:
            time.sleep(4)
            told = pipeline.stop()
        assert told["complete"]  # so the collector answered for every span, and none is at the backend yet
        assert {} == arrived(store, told["trace"])
        between.kill()
        wire.mend()
        between.start()
        wanted = {"run nightly", *(f"materialize asset-{number}" for number in range(told["count"]))}
        until(lambda: set(arrived(store, told["trace"])) == wanted, 20)
        found = arrived(store, told["trace"])
        assert wanted == set(found)
        assert {1} == {len(ids) for ids in found.values()}


def test_what_no_collector_took_is_counted(store: Jaeger, tmp_path: Path) -> None:
    """While the collector is dead the pipeline works on; what is missing afterwards is what it counted as lost."""
    with collector.running(
        tmp_path / "collector", "jaeger", changes=EAGER, FLOWSTONE_JAEGER_OTLP=store.otlp
    ) as between:
        with working(tmp_path, sending(between.endpoint)) as pipeline:
            until(lambda: between.counted("otelcol_receiver_accepted_spans"))
            between.kill()
            time.sleep(6)
            between.start()
            time.sleep(2)
            told = pipeline.stop()
        noticed_nothing(told)
        lost = sum(told["stats"].get(key, 0) for key in LOST)
        assert lost > 0
        until(lambda: len(arrived(store, told["trace"])) >= told["count"] + 1 - lost)
        missing = told["count"] + 1 - len(arrived(store, told["trace"]))
        # An answer that the kill cut off leaves a batch both taken and counted as lost.
        assert 0 < missing <= lost
