from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from tests.otel.misbehaving import Silent
from tests.otel.receivers import Sink, run
from tests.servers.ports import free_port

EMIT = """
    import flowstone
    with flowstone.run("nightly", run_id="r1"):
        for number in range({count}):
            with flowstone.materialization(f"asset{{number % 3}}"):
                pass
"""


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink()
    yield sink
    sink.close()


def test_a_plain_script_delivers_at_its_exit(sink: Sink) -> None:
    """A script that says nothing of flushing loses nothing, and writes nothing to the user's log."""
    done = run(EMIT.format(count=1000), OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint, OTEL_SERVICE_NAME="script")
    assert (0, "") == (done.returncode, done.stderr)
    assert 1001 == len({span.span_id for span in sink.spans()}) == len(sink.spans())
    assert 1000 == sum(count for _, count in sink.points("flowstone.materialization.duration")[-3:])


def test_without_an_endpoint_the_sdk_is_not_even_imported() -> None:
    """No endpoint, no export: neither SDK nor exporters are imported."""
    done = run(
        EMIT.format(count=3) + "    import sys; print('opentelemetry.sdk' in sys.modules, flowstone.flush())"
    )
    assert ("False True", "") == (done.stdout.strip(), done.stderr)


def test_disabled_exports_nothing(sink: Sink) -> None:
    """OTEL_SDK_DISABLED stops spans and metrics."""
    run(EMIT.format(count=3), OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint, OTEL_SDK_DISABLED="true")
    assert ([], []) == (sink.traces, sink.requests)


def test_the_sampler_of_the_environment_decides(sink: Sink) -> None:
    """OTEL_TRACES_SAMPLER=always_off stops spans; metrics go on."""
    run(EMIT.format(count=3), OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint, OTEL_TRACES_SAMPLER="always_off")
    assert [] == sink.spans()
    assert sink.points("flowstone.run.duration")


def test_delta_temporality_is_honoured(sink: Sink) -> None:
    """With the delta preference each flush tells only what is new."""
    flushes = "    flowstone.flush(5)\n" + EMIT.format(count=2) + "    flowstone.flush(5)\n"
    env = {"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta"}
    run(EMIT.format(count=1) + flushes, OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint, **env)
    assert [1, 1] == [count for _, count in sink.points("flowstone.run.duration")]


def test_exponential_histograms_are_honoured(sink: Sink) -> None:
    """The preference for exponential histograms reaches the receiver as such."""
    env = {"OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION": "base2_exponential_bucket_histogram"}
    run(EMIT.format(count=1), OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint, **env)
    metrics = [
        metric
        for request in sink.requests
        for resource in request.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    ]
    durations = [metric for metric in metrics if metric.name == "flowstone.run.duration"]
    assert 1 == durations[-1].exponential_histogram.data_points[0].count


TIMED = (
    EMIT
    + """
    import json, time
    began = time.monotonic()
    flushed = flowstone.flush({flush})
    flush_took = time.monotonic() - began
    began = time.monotonic()
    flowstone.shutdown(1.0)
    took = [flush_took, time.monotonic() - began]
    from flowstone.plugin import stats
    print(json.dumps([flushed, took, stats()]))
"""
)


def _refused() -> str:
    return f"http://127.0.0.1:{free_port()}"


@pytest.mark.parametrize("receiver", ["refused", "silent"])
def test_a_dead_receiver_costs_bounded_time_and_is_counted(receiver: str) -> None:
    """Flush and shutdown keep their time-outs, the exit is quick, all spans are accounted for, no stack traces."""
    silent = Silent()
    endpoint = silent.endpoint if receiver == "silent" else _refused()
    began = time.monotonic()
    done = run(TIMED.format(count=2000, flush=0.5), OTEL_EXPORTER_OTLP_ENDPOINT=endpoint)
    exit_took = time.monotonic() - began
    silent.close()
    flushed, (flush_took, shutdown_took), stats = json.loads(done.stdout)
    assert not flushed
    assert flush_took < 1.0
    assert shutdown_took < 1.6
    assert exit_took < 8
    assert 2001 == stats.get("export.dropped.spans", 0) + stats.get("export.failed.spans", 0)
    assert "Traceback" not in done.stderr
    assert 1 >= len(done.stderr.strip().splitlines())


def test_a_slow_receiver_gets_everything() -> None:
    """A receiver that takes half a second is waited for: nothing is lost, flush says so."""
    slow = Silent(answer_after=0.5)
    done = run(TIMED.format(count=100, flush=5), OTEL_EXPORTER_OTLP_ENDPOINT=slow.endpoint)
    slow.close()
    flushed, _, stats = json.loads(done.stdout)
    assert flushed
    assert 101 == stats["export.sent.spans"]


def test_exit_with_a_dead_receiver_is_quick() -> None:
    """A script that ends with a silent receiver exits within five seconds of its end."""
    silent = Silent()
    code = EMIT.format(count=5000) + "    import time, sys; print(time.time()); sys.stdout.flush()"
    done = run(code, OTEL_EXPORTER_OTLP_ENDPOINT=silent.endpoint)
    took = time.time() - float(done.stdout)
    silent.close()
    assert took < 5.5
