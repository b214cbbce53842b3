"""What callers may get wrong: nothing raises, and nothing of what others told is lost by it."""

from __future__ import annotations

import datetime as dt
import decimal
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

import flowstone
from flowstone.catalogue.values import Error
from flowstone.plugin import stats
from flowstone.testing import Capture

execute = flowstone.telemetry.execute
DURATIONS: list[Any] = [
    math.nan,
    math.inf,
    -1,
    "1.5",
    "x",
    decimal.Decimal("1.5"),
    dt.timedelta(seconds=2),
    [],
]
POISON: dict[str, Callable[[], object]] = {
    "error as text, polled": lambda: flowstone.sensor_poll("s", error="refused"),  # type: ignore[arg-type]
    "error as text": lambda: flowstone.resource_health("w", error="boom"),  # type: ignore[arg-type]
    "error as text, executed": lambda: execute("materialization.exception", {}, {"asset": "x", "error": "e"}),
    "attributes as a list": lambda: flowstone.resource_health("w", attributes=["a"]),  # type: ignore[arg-type]
    "duration as text": lambda: execute("materialization.stop", {"duration": "3.2"}, {"asset": "x"}),
    "time as text": lambda: execute("materialization.stop", {}, {"asset": "x", "time": "yesterday"}),
    "time as a date": lambda: execute(
        "materialization.stop", {}, {"asset": "x", "time": dt.datetime.now(dt.UTC)}
    ),
    "no trace id": lambda: execute(
        "materialization.stop", {}, {"asset": "x", "trace_id": "zz", "span_id": 5}
    ),
    "links that are none": lambda: execute("run.start", {}, {"links": ["a"], "process": "me"}),
    "healthy as text": lambda: flowstone.resource_health("w", healthy="ok"),  # type: ignore[arg-type]
    "healthy as a list": lambda: flowstone.resource_health("w", healthy=[]),  # type: ignore[arg-type]
    "a name that is none": lambda: execute(5),  # type: ignore[arg-type]
    "measurements as a list": lambda: execute("a.b", [1], {}),  # type: ignore[arg-type]
    "attributes of a run": lambda: flowstone.run("r", attributes=["x"]).begin().finish(),  # type: ignore[arg-type]
    "a huge attempt": lambda: flowstone.materialization("a", attempt=1 << 70).begin().finish(),
    **{f"duration {value!r}": partial(flowstone.sensor_poll, "s", duration=value) for value in DURATIONS},
}


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON)
def test_a_wrong_argument_costs_nobody_else_anything(
    flowstone_capture: Capture, poison: Callable[[], object]
) -> None:
    """However often it comes: the call returns, spans and metrics of what is told beside it are made."""
    for _ in range(6):
        poison()
        with flowstone.materialization("beside"):
            pass
    made = [span for span in flowstone_capture.spans if span.name == "materialize beside"]
    assert 6 == len(made)
    assert flowstone_capture.metrics
    assert all(line["event"] for line in flowstone_capture.logs)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("refused", Error(type="_OTHER", message="refused")),
        ({"type": "IOError", "message": "disk"}, Error(type="IOError", message="disk")),
        (None, None),
    ],
)
def test_an_error_is_an_error_whatever_form_it_came_in(
    flowstone_capture: Capture, given: Any, told: Error | None
) -> None:
    """Text becomes its message."""
    execute("sensor.poll", {}, {"sensor": "s", "error": given})
    event: Any = flowstone_capture.one("sensor.poll")
    assert told == event.error


@pytest.mark.parametrize(
    ("given", "nanoseconds"),
    [
        (1.5, 1_500_000_000),
        (dt.timedelta(seconds=2), 2_000_000_000),
        (decimal.Decimal("0.5"), 500_000_000),
        (math.nan, None),
    ],
)
def test_a_duration_is_seconds_in_any_form(
    flowstone_capture: Capture, given: Any, nanoseconds: int | None
) -> None:
    """What is no number is left out."""
    flowstone.sensor_poll("s", duration=given)
    event: Any = flowstone_capture.one("sensor.poll")
    assert nanoseconds == event.duration


def test_what_is_given_to_a_point_is_kept_as_it_was(flowstone_capture: Capture) -> None:
    """The caller may go on to change it."""
    given = {"page": 0, "tags": ["a"]}
    for page in range(3):
        given["page"] = page
        flowstone.resource_health("w", attributes=given)  # type: ignore[arg-type]
        execute("my.page", {}, given)
        given["tags"].append("b")  # type: ignore[attr-defined]
    found = [(event.attributes["page"], len(event.attributes["tags"])) for event in flowstone_capture.events]  # type: ignore[arg-type]
    assert [(0, 1), (0, 1), (1, 2), (1, 2), (2, 3), (2, 3)] == found


@pytest.mark.parametrize("name", ["asset", "io_manager", "status", "rows", "attempt", "partition"])
def test_what_is_set_on_an_operation_may_be_anything(flowstone_capture: Capture, name: str) -> None:
    """The operation is told nevertheless."""
    before = stats().get("event.unrenderable", 0)
    with flowstone.run("r"), flowstone.io_load("a", io_manager="m") as load:
        setattr(load, name, ["x"])
    assert 2 == len([event for event in flowstone_capture.events if event.name.startswith("io.load.")])
    assert before == stats().get("event.unrenderable", 0)


def test_a_moment_at_a_fraction_of_a_nanosecond_is_marked(flowstone_capture: Capture) -> None:
    """``time.time() * 1e9`` is what many give."""
    with flowstone.materialization("a") as made:
        made.add_event("seen", timestamp=1.5e18)  # type: ignore[arg-type]
    (span,) = flowstone_capture.spans
    assert [1_500_000_000_000_000_000] == [event.time for event in span.events]


def test_the_exceptions_of_a_group_are_told(flowstone_capture: Capture) -> None:
    """With their types and texts, and the notes that were added."""
    group = ExceptionGroup("several", [ValueError("a"), ExceptionGroup("inner", [KeyError("b")])])
    group.add_note("while loading orders")
    with pytest.raises(ExceptionGroup), flowstone.run("r"):
        raise group
    event: Any = flowstone_capture.one("run.exception")
    assert (
        "several (2 sub-exceptions): ValueError: a; ExceptionGroup: inner (1 sub-exception)"
        == event.error.message
    )
    for part in ("while loading orders", "ValueError: a", "KeyError: 'b'"):
        assert part in event.error.stack
