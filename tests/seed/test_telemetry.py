"""Twins of the origin's telemetry tests."""

from __future__ import annotations

import threading
from typing import Any

import pytest

import flowstone
from flowstone.catalogue.event import Event
from flowstone.testing import Capture


def test_materialization_start_carries_asset_partition_and_run_id(flowstone_capture: Capture) -> None:
    """A start tells which asset, which partition and which run."""
    flowstone.telemetry.execute(
        ["flowstone", "materialization", "start"],
        {"system_time": 1},
        {"asset": "daily_report", "partition": "2025-01-15", "run_id": "run_123"},
    )
    start: Any = flowstone_capture.one("materialization.start")
    assert ("daily_report", "2025-01-15", "run_123") == (start.asset, start.partition, start.run_id)


def test_materialization_stop_carries_duration_and_status(flowstone_capture: Capture) -> None:
    """A stop tells how long it took and how it ended."""
    with flowstone.materialization("daily_report"):
        pass
    stop: Any = flowstone_capture.one("materialization.stop")
    assert stop.duration > 0
    assert "success" == stop.status


@pytest.mark.parametrize("operation", ["load", "store"])
def test_io_events_carry_what_was_given(flowstone_capture: Capture, operation: str) -> None:
    """Loads and stores tell duration and size as they were measured."""
    metadata = {"asset": "orders", "partition": "p1", "io_manager": "memory"}
    flowstone.telemetry.execute(["io", operation, "start"], {}, metadata)
    flowstone.telemetry.execute(["io", operation, "stop"], {"duration": 1000, "size_bytes": 1024}, metadata)
    assert "orders" == flowstone_capture.one(f"io.{operation}.start").asset  # type: ignore[attr-defined]
    stop: Any = flowstone_capture.one(f"io.{operation}.stop")
    assert (1000, 1024, "orders") == (stop.duration, stop.size_bytes, stop.asset)


def test_span_emits_start_and_stop_and_returns_the_value(flowstone_capture: Capture) -> None:
    """A span wraps a function and hands on what it returns."""
    returned = flowstone.telemetry.span(["flowstone", "materialization"], {"asset": "a"}, lambda: 42)
    assert 42 == returned
    assert ["materialization.start", "materialization.stop"] == flowstone_capture.names()


def test_span_emits_exception_with_kind_and_raises_again(flowstone_capture: Capture) -> None:
    """A span tells of an exception and passes it on unchanged."""
    raised = ValueError("boom")

    def fail() -> None:
        raise raised

    with pytest.raises(ValueError, match="boom") as caught:
        flowstone.telemetry.span("materialization", {"asset": "a"}, fail)
    assert caught.value is raised
    told: Any = flowstone_capture.one("materialization.exception")
    assert ("exception", "ValueError", "boom") == (told.kind, told.error.type, told.error.message)
    assert not flowstone_capture.of("materialization.stop")


def test_a_span_of_an_unknown_prefix_emits_too(flowstone_capture: Capture) -> None:
    """Custom prefixes have start, stop and exception as well."""
    flowstone.telemetry.span("quality.check", {"table": "orders"}, lambda: None)
    assert ["quality.check.start", "quality.check.stop"] == flowstone_capture.names()
    assert "orders" == flowstone_capture.events[0].attributes["table"]


def test_handlers_attach_list_and_detach(flowstone_capture: Capture) -> None:
    """A handler hears its events between attach and detach, and nothing else."""
    heard: list[Event] = []
    flowstone.telemetry.execute("sensor.poll", {}, {"sensor": "before"})
    flowstone.telemetry.attach("mine", ["sensor.poll"], heard.append)
    assert [("mine", frozenset({"sensor.poll"}))] == flowstone.telemetry.list_handlers()
    flowstone.telemetry.execute("sensor.poll", {}, {"sensor": "between"})
    flowstone.telemetry.execute("sensor.trigger", {}, {"sensor": "other"})
    assert flowstone.telemetry.detach("mine")
    flowstone.telemetry.execute("sensor.poll", {}, {"sensor": "after"})
    flowstone.flush()
    assert ["between"] == [event.sensor for event in heard]  # type: ignore[attr-defined]
    assert [] == flowstone.telemetry.list_handlers()
    assert not flowstone.telemetry.detach("mine")


def test_a_taken_handler_id_is_refused(flowstone_capture: Capture) -> None:
    """Two handlers cannot share an id."""
    flowstone.telemetry.attach("mine", [], print)
    with pytest.raises(ValueError, match="already attached"):
        flowstone.telemetry.attach("mine", [], print)


def test_a_handler_that_raises_is_detached_and_told(flowstone_capture: Capture) -> None:
    """A failing handler is removed, the failure is an event, and the others still run."""
    heard: list[str] = []

    def fail(event: Event) -> None:
        raise RuntimeError("handler")

    flowstone.telemetry.attach("bad", ["sensor.poll"], fail)
    flowstone.telemetry.attach("good", ["sensor.poll"], lambda event: heard.append(event.name))
    flowstone.telemetry.execute("sensor.poll", {}, {"sensor": "s"})
    failed: Any = flowstone_capture.one("plugin.failed")
    assert "handler:bad" == failed.plugin
    assert ["sensor.poll"] == heard
    assert ["good"] == [id for id, _ in flowstone.telemetry.list_handlers()]


def test_default_handlers_log_json_lines(
    flowstone_capture: Capture, caplog: pytest.LogCaptureFixture
) -> None:
    """The default handler writes one JSON line per event with the ids."""
    flowstone.telemetry.attach_default_handlers()
    flowstone.telemetry.attach_default_handlers()  # twice is as once
    with caplog.at_level("INFO", "flowstone.events"):
        with flowstone.materialization("a") as m:
            pass
        flowstone.flush()
    lines = [record.getMessage() for record in caplog.records]
    assert 2 == len(lines)
    assert f'"correlation_id":"{m.correlation_id}"' in lines[1]
    assert '"event":"materialization.stop"' in lines[1]


def test_a_real_execution_emits_start_and_stop_with_duration(flowstone_capture: Capture) -> None:
    """Work that is really done is told with its duration."""

    @flowstone.materialization("squares")
    def squares(n: int) -> list[int]:
        return [i * i for i in range(n)]

    with flowstone.run("nightly"):
        assert 1000 == len(squares(1000))
    assert [
        "run.start",
        "materialization.start",
        "materialization.stop",
        "run.stop",
    ] == flowstone_capture.names()
    stop: Any = flowstone_capture.one("materialization.stop")
    assert stop.duration > 0


def test_events_lists_the_seeds_fourteen(flowstone_capture: Capture) -> None:
    """The catalogue holds everything that the origin could tell."""
    seed = {
        *(f"materialization.{verb}" for verb in ("start", "stop", "exception")),
        *(f"io.{way}.{verb}" for way in ("load", "store") for verb in ("start", "stop")),
        *(f"checkpoint.{verb}" for verb in ("requested", "approved", "rejected", "timeout")),
        "resource.health_check",
        "sensor.poll",
        "sensor.trigger",
    }
    assert seed <= set(flowstone.telemetry.events())


def test_the_caller_does_little_of_the_work(flowstone_capture: Capture) -> None:
    """Overhead below 5 % as a law, not a stopwatch: no event is made on the caller's thread.

    The share of time itself is measured by ``make bench``.
    """
    threads: set[int] = set()
    flowstone.telemetry.attach("who", [], lambda event: threads.add(threading.get_ident()))
    with flowstone.materialization("a"):
        pass
    flowstone.flush()
    assert threads
    assert threading.get_ident() not in threads
