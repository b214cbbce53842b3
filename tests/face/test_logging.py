"""Structured logs: one JSON object a line, the same ids on every library's records."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.context import attach, detach, get_current
from opentelemetry.sdk.trace import TracerProvider

import flowstone
from flowstone.plugin import correlated
from flowstone.testing import Capture


@pytest.fixture
def stream(flowstone_capture: Capture) -> Iterator[io.StringIO]:
    """JSON logging into a string; undone afterwards."""
    root, events = logging.getLogger(), logging.getLogger("flowstone.events")
    before = (root.level, list(root.handlers), events.level, list(events.handlers), events.propagate)
    written = io.StringIO()
    flowstone.logger.configure_json(stream=written)
    yield written
    root.level, root.handlers, events.level, events.handlers, events.propagate = before
    logging.getLogger("somebody.else").setLevel(logging.NOTSET)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """Return what was written, each line parsed."""
    flowstone.flush()
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_other_libraries_records_carry_the_ids(stream: io.StringIO) -> None:
    """A record of another library inside a materialization has its correlation, run, trace and span id."""
    with (
        flowstone.run("p", run_id="r1", correlation_id="c1"),
        flowstone.materialization("a") as m,
    ):
        logging.getLogger("somebody.else").warning("hello %s", "there", extra={"rows": 3})
    line = next(line for line in lines(stream) if line.get("logger") == "somebody.else")
    assert ("c1", "r1", m.trace_id, f"{m.span_id:016x}") == (
        line["correlation_id"],
        line["run_id"],
        line["trace_id"],
        line["span_id"],
    )
    assert ("WARNING", "hello there", 3) == (line["severity"], line["message"], line["rows"])
    assert line["timestamp"].endswith("Z")


def test_lifecycle_events_are_lines_of_their_own(stream: io.StringIO) -> None:
    """Each event is one line, with severity, ids, duration and error; none is quoted inside another."""
    with pytest.raises(ValueError, match="boom"), flowstone.materialization("a", partition="p"):
        raise ValueError("boom")
    start, failed = lines(stream)
    assert ("INFO", "materialization.start", "a", "p") == (
        start["severity"],
        start["event"],
        start["asset"],
        start["partition"],
    )
    assert ("ERROR", "ValueError", "boom", "failure") == (
        failed["severity"],
        failed["error_type"],
        failed["error_message"],
        failed["status"],
    )
    assert start["trace_id"] == failed["trace_id"]
    assert failed["duration_ms"] >= 0


def test_lines_say_what_they_are_about(stream: io.StringIO) -> None:
    """Every field of a moment is told but the token of a checkpoint, which would let any reader decide it."""
    logging.getLogger("flowstone.events").setLevel(logging.DEBUG)
    with flowstone.run("nightly"):
        flowstone.resource_health("warehouse", healthy=False, error=ConnectionError("down"), duration=0.5)
        flowstone.sensor_poll("inbox", result="skipped")
        flowstone.sensor_trigger("inbox", run_id="r2")
        gate = flowstone.checkpoint("publish", timeout=60).request()
        gate.reject(actor="ann", reason="not yet")
        flowstone.telemetry.execute("my.event", {"n": 2}, {"who": "me"})
        with flowstone.io_load("orders", io_manager="s3") as load:
            load.rows = 3
    told = {line["event"]: line for line in lines(stream)}
    assert {"nightly"} == {line["pipeline"] for line in told.values()}
    expected: dict[str, dict[str, object]] = {
        "resource.health_check": {
            "resource": "warehouse", "status": "unhealthy", "severity": "ERROR",
            "error_type": "ConnectionError", "duration_ms": 500.0,
        },
        "sensor.poll": {"sensor": "inbox", "result": "skipped", "severity": "DEBUG"},
        "sensor.trigger": {"sensor": "inbox", "run_id": "r2", "severity": "INFO"},
        "checkpoint.requested": {"checkpoint": "publish", "timeout": 60.0, "severity": "INFO"},
        "checkpoint.rejected": {
            "checkpoint": "publish", "actor": "ann", "reason": "not yet", "severity": "WARNING",
        },
        "my.event": {"attributes": {"n": 2, "who": "me"}, "severity": "INFO"},
        "io.load.start": {"asset": "orders", "io_manager": "s3", "severity": "DEBUG"},
        "io.load.stop": {"asset": "orders", "io_manager": "s3", "rows": 3, "status": "success"},
    }  # fmt: skip
    for name, fields in expected.items():
        assert fields == {key: told[name].get(key) for key in fields}, name
    assert gate.id not in stream.getvalue()


def test_what_raised_is_an_error_whatever_it_is_called(stream: io.StringIO) -> None:
    """The exception of a span of one's own, too."""

    def fail() -> None:
        raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        flowstone.telemetry.span("my.thing", {"a": 1}, fail)
    start, failed = lines(stream)
    assert (("my.thing.start", "INFO"), ("my.thing.exception", "ERROR")) == (
        (start["event"], start["severity"]),
        (failed["event"], failed["severity"]),
    )
    assert "boom" in str(failed)


def test_a_line_is_written_where_its_severity_is_wanted(stream: io.StringIO) -> None:
    """Loads are for who debugs; with the level at WARNING only trouble is told."""
    events = logging.getLogger("flowstone.events")
    for level, expected in (
        (logging.INFO, ["materialization.start", "resource.health_check", "materialization.stop"]),
        (logging.WARNING, ["resource.health_check"]),
    ):
        events.setLevel(level)
        with flowstone.materialization("a"), flowstone.io_load("b"):
            flowstone.resource_health("w", healthy=False)
        assert expected == [line["event"] for line in lines(stream)]
        stream.seek(0)
        stream.truncate()


def test_hostile_names_forge_no_line(stream: io.StringIO) -> None:
    """Line ends and quotes in names and messages stay inside their JSON strings."""
    hostile = 'x"}\n{"event":"forged"}\r\n\u2028'
    with flowstone.materialization(hostile, partition=hostile):
        logging.getLogger("somebody.else").error(hostile)
    flowstone.flush()
    found = lines(stream)
    assert 3 == len(found)
    assert "forged" not in {line.get("event") for line in found}
    assert hostile == found[0].get("asset", found[0].get("message"))


def test_outside_of_operations_nothing_is_stamped(stream: io.StringIO) -> None:
    """A record without an operation has no ids; one that brings its own keeps them."""
    logging.getLogger("somebody.else").warning("alone")
    with flowstone.run("p", correlation_id="c1"):
        logging.getLogger("somebody.else").warning("own", extra={"correlation_id": "mine"})
    alone, own = (line for line in lines(stream) if line.get("logger") == "somebody.else")
    assert "correlation_id" not in alone
    assert "mine" == own["correlation_id"]


def test_inside_a_span_of_the_users_a_record_has_its_ids(stream: io.StringIO) -> None:
    """Trace and span of the active span; run and correlation of the operation around it."""
    tracer = TracerProvider().get_tracer("mine")
    logger = logging.getLogger("somebody.else")
    with flowstone.run("p", correlation_id="c1") as run:
        with tracer.start_as_current_span("query") as span:
            logger.warning("inside")
        with trace.use_span(trace.INVALID_SPAN):
            logger.warning("nowhere")
        logger.warning("after")
    active = span.get_span_context()
    inside, nowhere, after = (line for line in lines(stream) if line.get("logger") == "somebody.else")
    assert ("c1", run.scope.run_id, run.scope.trace_hex, f"{active.span_id:016x}") == ids(inside)
    assert ("c1", run.scope.run_id, run.scope.trace_hex, f"{run.span_id:016x}") == ids(after) == ids(nowhere)


def test_a_span_of_the_users_without_an_operation_correlates_too(stream: io.StringIO) -> None:
    """By what came in as baggage, else by the trace: the same that an operation in it would have."""
    logger = logging.getLogger("somebody.else")
    with TracerProvider().get_tracer("mine").start_as_current_span("request") as span:
        logger.warning("alone")
        with flowstone.materialization("a") as operation:
            pass
        token = attach(correlated(get_current(), "c2"))
        logger.warning("given")
        detach(token)
    active = span.get_span_context()
    own = (f"{active.trace_id:032x}", f"{active.span_id:016x}")
    alone, given = (line for line in lines(stream) if line.get("logger") == "somebody.else")
    assert (operation.scope.correlation_id, None, *own) == ids(alone)
    assert ("c2", None, *own) == ids(given)


def ids(line: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(line.get(name) for name in ("correlation_id", "run_id", "trace_id", "span_id"))


def test_configuring_again_does_not_double_lines(stream: io.StringIO) -> None:
    """The second call replaces the first."""
    again = io.StringIO()
    flowstone.logger.configure_json(stream=again)
    with flowstone.materialization("a"):
        pass
    assert 2 == len(lines(again))
    assert "" == stream.getvalue()


def test_the_four_functions_write_lines_with_the_callers_ids(stream: io.StringIO) -> None:
    """Code without operations logs the same moments in the same form."""
    with flowstone.run("p", correlation_id="c1"):
        flowstone.logger.log_materialization_start("a", "p1", "r9")
        flowstone.logger.log_materialization_complete("a", "p1", "r9", 12.5)
        flowstone.logger.log_materialization_failed("a", "p1", "r9", KeyError("no"))
        flowstone.logger.log_checkpoint_pending("publish", "token")
    found = [line for line in lines(stream) if line.get("run_id") == "r9" or "approval_id" in line]
    assert [
        "materialization.start",
        "materialization.stop",
        "materialization.exception",
        "checkpoint.requested",
    ] == [line["event"] for line in found]
    assert {"c1"} == {line["correlation_id"] for line in found}
    assert (12.5, "KeyError", "ERROR") == (
        found[1]["duration_ms"],
        found[2]["error_type"],
        found[2]["severity"],
    )
