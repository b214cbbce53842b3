"""Capturing: events, spans, metrics and log lines of a block, with clocks and ids that count."""

from __future__ import annotations

import os
import time
from datetime import timedelta

import pytest

import flowstone
from flowstone.catalogue.registry import builtin_events
from flowstone.plugin import encode, hookimpl
from flowstone.runtime import identity, operation, running
from flowstone.testing import Capture, CountingIds, StepClock
from flowstone.testing.capture import capture
from flowstone.testing.clock import START
from flowstone.testing.forked import in_child
from flowstone.testing.samples import HOSTILE, samples

STEP = 1_000_000


def _pipeline() -> None:
    with (
        flowstone.run("nightly"),
        flowstone.materialization("report", partition="2025-01-15"),
        flowstone.io_load("orders", io_manager="s3") as io,
    ):
        io.rows = 10


def test_spans_compare_exactly(flowstone_capture: Capture) -> None:
    """With StepClock and CountingIds every id and every time of a span is known beforehand."""
    with StepClock(), CountingIds():
        _pipeline()
    trace = f"{1:032x}"
    assert [
        (trace, f"{3:016x}", f"{2:016x}", "load orders", START + 4 * STEP, START + 5 * STEP),
        (trace, f"{2:016x}", f"{1:016x}", "materialize report", START + 2 * STEP, START + 6 * STEP),
        (trace, f"{1:016x}", "", "run nightly", START, START + 7 * STEP),
    ] == [
        (span.trace_id, span.span_id, span.parent_id, span.name, span.start, span.end)
        for span in flowstone_capture.spans
    ]


def test_the_same_code_tells_the_same_twice(flowstone_capture: Capture) -> None:
    """Two executions under fresh clocks and ids leave equal spans and equal run ids."""
    with StepClock(), CountingIds():
        _pipeline()
    first = flowstone_capture.spans
    with StepClock(), CountingIds():
        _pipeline()
    assert first == flowstone_capture.spans[len(first) :]
    assert f"{1:016x}" == first[0].attributes["flowstone.run.id"]


def test_an_hour_passes_at_once(flowstone_capture: Capture) -> None:
    """What lasts an hour by the test's clock is measured as an hour, and no second goes by."""
    with StepClock(step=0) as clock, flowstone.materialization("report"):
        clock.advance(timedelta(hours=1).total_seconds())
    (lasted,) = flowstone_capture.metric("flowstone.materialization.duration")
    assert (3600.0, 1) == (lasted.value, lasted.count)


def test_metrics_are_counted_by_series(flowstone_capture: Capture) -> None:
    """Each series has its own attributes, count and sum, from zero in each capture."""
    for rows in (10, 32):
        with flowstone.io_load("orders", io_manager="s3") as io:
            io.rows = rows
    (rows_read,) = flowstone_capture.metric("flowstone.io.rows")
    assert (42, 2, "{row}") == (rows_read.value, rows_read.count, rows_read.unit)
    assert {"flowstone.io.operation": "load", "flowstone.io.manager": "s3"} == rows_read.attributes


def test_events_spans_and_lines_have_the_same_ids(flowstone_capture: Capture) -> None:
    """What ends an operation is told with the same ids everywhere."""
    _pipeline()
    span = flowstone_capture.span("load orders")
    event = flowstone_capture.one("io.load.stop")
    (line,) = [line for line in flowstone_capture.logs if line["event"] == "io.load.stop"]
    assert (span.trace_id, span.span_id) == (event.trace_id, event.span_id)
    assert (span.trace_id, span.span_id) == (line["trace_id"], line["span_id"])
    assert event.correlation_id == line["correlation_id"] == span.attributes["flowstone.correlation.id"]


def test_a_missing_span_is_named(flowstone_capture: Capture) -> None:
    """Asking for a span that is not there tells which are."""
    _pipeline()
    with pytest.raises(AssertionError, match="materialize report"):
        flowstone_capture.span("materialize other")


def test_everything_is_put_back() -> None:
    """After a block the real clocks and generators stand where they stood."""
    bits = identity.random_bits
    with StepClock(), CountingIds():
        assert vars(operation)["time_ns"] is not time.time_ns
        assert vars(running)["random_bits"] is not bits
    assert vars(operation)["time_ns"] is time.time_ns
    assert vars(operation)["perf_counter_ns"] is time.perf_counter_ns
    assert bits is vars(operation)["random_bits"] is vars(running)["random_bits"] is identity.random_bits


@pytest.mark.parametrize("cls", builtin_events(), ids=lambda cls: cls.__name__)
def test_samples_are_clean(cls: type) -> None:
    """Every sample has a JSON form, and no two share an id."""
    made = list(samples(cls))
    assert len(HOSTILE) + 2 == len({event.id for event in made})
    assert all(len(encode(event)) < 100_000 for event in made)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_child_tells_what_went_wrong() -> None:
    """A child's exception, its silence and its hanging are told apart."""
    assert "" == in_child(lambda: None)
    assert "ZeroDivisionError" in in_child(lambda: 1 / 0)
    assert "still busy" in in_child(lambda: time.sleep(60), timeout=0.2)


def test_nothing_is_lost_to_the_engine_around() -> None:
    """What is emitted inside is not taken by a drain that was about to work off what came before."""
    with capture() as outer:
        flowstone.resource_health("outside", healthy=True, duration=0.1)
        with capture() as inner:
            for _ in range(3):
                flowstone.resource_health("inside", healthy=True, duration=0.1)
            time.sleep(0.3)  # in which the drain outside would have its round
            assert 3 == len(inner.events)
        flowstone.resource_health("after", healthy=True, duration=0.1)
        assert ["outside", "after"] == [event.resource for event in outer.events]  # type: ignore[attr-defined]


class _Late:
    """A plugin that emits when it is told to end."""

    @hookimpl
    def shutdown(self, timeout: float) -> bool:
        """Emit."""
        flowstone.resource_health("late", healthy=True, duration=0.1)
        return True


def test_what_comes_too_late_goes_nowhere() -> None:
    """What plugins emit while a capture ends is not delivered by the engine around."""
    with capture() as outer:
        with capture(_Late()):
            pass
        flowstone.resource_health("after", healthy=True, duration=0.1)
        assert ["after"] == [event.resource for event in outer.events]  # type: ignore[attr-defined]
