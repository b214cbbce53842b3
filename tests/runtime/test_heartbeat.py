"""Heartbeats of runs."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

import flowstone
from flowstone import hosting
from flowstone.plugin import this_process
from flowstone.runtime import heartbeat, running
from flowstone.runtime.heartbeat import Heartbeats
from flowstone.testing import Capture


class Watch:
    """Heartbeats by a fake clock; no thread of theirs acts on them."""

    def __init__(self) -> None:
        self.time = 0.0
        self.beats = Heartbeats(lambda: self.time)
        self.beats._thread = threading.main_thread()  # as if it were started: the test beats itself

    def after(self, seconds: float) -> None:
        self.time += seconds
        self.beats.beat()


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    made = Watch()
    monkeypatch.setattr(running, "heartbeats", made.beats)
    return made


def test_a_run_beats_every_minute_until_its_end(flowstone_capture: Capture, watch: Watch) -> None:
    """Not before the first minute, then once in each, with the run's identity; nothing after the end."""
    with flowstone.run("p", correlation_id="c-1") as run:
        watch.after(59.9)
        watch.after(0.1)
        watch.after(30)
        watch.after(30)
    watch.after(60)
    assert ["run.start", "run.heartbeat", "run.heartbeat", "run.stop"] == flowstone_capture.names()
    start: Any = flowstone_capture.one("run.start")
    told: Any = flowstone_capture.of("run.heartbeat")
    assert [this_process()] * 2 == [beat.process for beat in told]
    for field in ("trace_id", "span_id", "parent_id", "run_id", "correlation_id", "pipeline"):
        assert [getattr(start, field)] * 2 == [getattr(beat, field) for beat in told], field
    assert run.run_id == told[0].run_id


def test_what_a_host_begins_beats_until_it_is_finished(flowstone_capture: Capture, watch: Watch) -> None:
    """Legs without a context are told alive like runs with one."""
    run = hosting.Run("p", scope=hosting.scope("dagster", "r1"), span_id=9).begin()
    watch.after(60)
    run.finish()
    watch.after(60)
    assert ["run.start", "run.heartbeat", "run.stop"] == flowstone_capture.names()


@pytest.mark.parametrize("leave", ["fail", "end", "finish"])
def test_however_a_run_ends_its_heartbeats_do(flowstone_capture: Capture, watch: Watch, leave: str) -> None:
    """By an exception, as a span is ended, or by hand."""
    with suppress(ValueError), flowstone.run("p") as run:
        if leave == "fail":
            raise ValueError("no")
        getattr(run, leave)()
    watch.after(60)
    assert [] == flowstone_capture.of("run.heartbeat")
    assert float("inf") == watch.beats.next_due()


def test_a_run_that_nobody_holds_any_more_is_silent(flowstone_capture: Capture, watch: Watch) -> None:
    """What can no longer be ended here is not told alive for ever."""
    hosting.Run("p", scope=hosting.scope("dagster", "r1"), span_id=9).begin()
    assert ["run.start"] == flowstone_capture.names()
    gc.collect()
    watch.after(60)
    assert [] == flowstone_capture.of("run.heartbeat")


def test_an_end_alone_and_a_run_switched_off_do_not_beat(
    flowstone_capture: Capture, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other leg's process tells; and 0 seconds mean never."""
    hosting.Run("p", scope=hosting.scope("dagster", "r1"), span_id=9).finish()
    monkeypatch.setenv("FLOWSTONE_HEARTBEAT", "0")
    with flowstone.run("p"):
        watch.after(1e6)
    assert [] == flowstone_capture.of("run.heartbeat")


@pytest.mark.parametrize(("given", "period"), [("0.5", 0.5), ("nonsense", 60.0), ("inf", 86_400.0)])
def test_the_period_is_a_setting(
    flowstone_capture: Capture, watch: Watch, monkeypatch: pytest.MonkeyPatch, given: str, period: float
) -> None:
    """What is no number counts as not set; a period is a day at most."""
    monkeypatch.setenv("FLOWSTONE_HEARTBEAT", given)
    with flowstone.run("p"):
        assert period == watch.beats.next_due()


def test_a_beat_that_is_late_is_told_once(flowstone_capture: Capture, watch: Watch) -> None:
    """After a pause of the whole machine there is one heartbeat, not one for each minute of it."""
    with flowstone.run("p"):
        watch.after(3600)
        watch.after(0)
    assert 1 == len(flowstone_capture.of("run.heartbeat"))


def _until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 10
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)


def test_one_thread_tells_of_all_runs(flowstone_capture: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs in several threads share it; it is there only once a run was."""
    monkeypatch.setenv("FLOWSTONE_HEARTBEAT", "0.05")
    runs = [hosting.Run("p", scope=hosting.scope("dagster", f"r{n}")).begin() for n in range(3)]
    _until(lambda: len({beat.run_id for beat in flowstone_capture.of("run.heartbeat")}) == 3)
    for run in runs:
        run.finish()
    assert {"r0", "r1", "r2"} == {beat.run_id for beat in flowstone_capture.of("run.heartbeat")}
    assert 1 == [thread.name for thread in threading.enumerate()].count("flowstone-heartbeat")
    known = len(flowstone_capture.events)
    time.sleep(0.2)
    assert known == len(flowstone_capture.events)
    assert float("inf") == heartbeat.heartbeats.next_due()


def _run(script: str) -> str:
    env = {**os.environ, "FLOWSTONE_STORE_URL": "off", "FLOWSTONE_HEARTBEAT": "0.05"}
    command = [sys.executable, "-c", textwrap.dedent(script)]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True, timeout=30).stdout


def test_no_run_no_thread() -> None:
    """Work without a run starts no heartbeat."""
    script = """
        import flowstone, threading
        with flowstone.materialization("a"):
            print([thread.name for thread in threading.enumerate() if "heartbeat" in thread.name])
    """
    assert "[]\n" == _run(script)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_tells_of_its_own_runs_only() -> None:
    """The parent goes on telling of what it began; the child's own runs beat in the child."""
    script = """
        import flowstone, os, time
        def tell(event): print(os.getpid() == parent, event.pipeline, flush=True)
        parent = os.getpid()
        with flowstone.run("mother"):
            time.sleep(0.2)
            child = os.fork()
            flowstone.telemetry.attach("t", ["run.heartbeat"], tell)
            if not child:
                with flowstone.run("daughter"):
                    time.sleep(0.5)
                flowstone.flush()
                os._exit(0)
            os.waitpid(child, 0)
        flowstone.flush()
    """
    assert {"True mother", "False daughter"} == set(_run(script).splitlines())
