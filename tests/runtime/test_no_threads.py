"""Where the system has no thread for us: the pipeline goes on, and what it left is delivered later (laws 1 and 3)."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from tests.otel.receivers import Sink, run

REFUSE = """
    import threading, time, flowstone
    real = threading.Thread.start
    def refuse(self):
        raise RuntimeError("can't start new thread")
    def system(willing):
        threading.Thread.start = real if willing else refuse
"""
LIMIT = """
    import resource, threading, time, flowstone
    resource.setrlimit(resource.RLIMIT_AS, (1 << 36, resource.RLIM_INFINITY))
    def system(willing):
        threading.stack_size(0 if willing else 1 << 40)
"""
WORK = """
    heard = []
    flowstone.telemetry.attach("keep", [], lambda event: heard.append(event.name))
    def work():
        with flowstone.run("nightly"), flowstone.materialization("daily"):
            print("body")
"""
NAMES = ["run.start", "materialization.start", "materialization.stop", "run.stop"]
REFUSALS = [
    pytest.param(REFUSE, id="refused"),
    pytest.param(
        LIMIT, id="limit", marks=pytest.mark.skipif(sys.platform != "linux", reason="macOS has no such limit")
    ),
]


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink()
    yield sink
    sink.close()


@pytest.mark.parametrize("refusal", REFUSALS)
def test_the_first_run_of_a_process_without_threads(refusal: str, sink: Sink) -> None:
    """The body runs; plugins hear of it at the run's end, and a flush delivers all signals on the caller."""
    code = f"""
    system(False)
    {WORK}
    work()
    print(heard == {NAMES!r})
    print(flowstone.flush(20), threading.active_count())
    """
    done = run(refusal + code, OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint)
    assert (["body", "True", "True 1"], "") == (done.stdout.splitlines(), done.stderr)
    assert ["materialize daily", "run nightly"] == sorted(span.name for span in sink.spans())
    assert {1} == {value for _, value in sink.points("flowstone.materialization.duration")}
    assert 4 == len(sink.records())


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_later_start_succeeds(refusal: str) -> None:
    """What waited is delivered in the background once there are threads again, at the next record."""
    code = f"""
    system(False)
    {WORK}
    flowstone.sensor_poll("early")
    time.sleep(0.2)
    print(heard)
    system(True)
    end = time.monotonic() + 20
    while "sensor.trigger" not in heard and time.monotonic() < end:
        time.sleep(0.3)
        flowstone.sensor_trigger("late")
    print(heard[:2])
    print(sorted(t.name for t in threading.enumerate() if t.name in ("flowstone-drain", "flowstone-minder")))
    """
    done = run(refusal + code)
    assert (
        ["[]", "['sensor.poll', 'sensor.trigger']", "['flowstone-drain', 'flowstone-minder']"],
        "",
    ) == (done.stdout.splitlines(), done.stderr)


def test_what_does_not_fit_is_counted() -> None:
    """Without threads the queue is bounded too: the oldest go, counted by event."""
    code = f"""
    system(False)
    {WORK}
    from flowstone.runtime import lane
    from flowstone.runtime.stats import total
    for _ in range(lane.BOUND + 1000):
        flowstone.sensor_poll("s")
    print(lane.BOUND - 2 <= len(lane.records) <= lane.BOUND, 1000 <= total("event.dropped.sensor.poll") <= 1010)
    print(flowstone.flush(60), "event.dropped" in heard)
    print(heard.count("sensor.poll") + total("event.dropped.sensor.poll") - lane.BOUND)
    """
    done = run(REFUSE + code)
    assert (["True True", "True True", "1000"], "") == (done.stdout.splitlines(), done.stderr)


def test_a_hung_plugin_without_another_thread() -> None:
    """Where no worker can replace one that hangs in a plugin, the thread that noticed it goes on in its place."""
    code = f"""
    from flowstone.plugin import hookimpl
    from flowstone.runtime import engine
    never = threading.Event()
    class Hung:
        @hookimpl
        def on_events(self, batch):
            never.wait()
    {WORK}
    flowstone.flush(5)
    engine.current().plugins.register(Hung(), "hung")
    system(False)
    flowstone.sensor_poll("s")
    end = time.monotonic() + 20
    while "plugin.quarantined" not in heard and time.monotonic() < end:
        time.sleep(0.1)
    print(heard.count("sensor.poll"), "plugin.quarantined" in heard)
    flowstone.sensor_trigger("s")
    print(flowstone.flush(5), "sensor.trigger" in heard)
    """
    done = run(REFUSE + code)
    assert (["1 True", "True True"], "") == (done.stdout.splitlines(), done.stderr)


def test_a_handler_that_detaches_while_the_caller_drains() -> None:
    """A handler that runs on the caller does not wait for the drain, which it would keep from coming."""
    code = f"""
    system(False)
    {WORK}
    def once(event):
        flowstone.telemetry.detach("once")
    flowstone.telemetry.attach("once", [], once)
    began = time.monotonic()
    work()
    print(heard == {NAMES!r}, time.monotonic() - began < 1.0)
    """
    done = run(REFUSE + code)
    assert (["body", "True True"], "") == (done.stdout.splitlines(), done.stderr)
