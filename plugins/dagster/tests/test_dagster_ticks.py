"""Evaluations of sensors and schedules."""

from __future__ import annotations

import json

import pytest

from plugins.dagster.tests.environment import Run, Told


@pytest.fixture(scope="module")
def told(run: Run) -> Told:
    """Three sensors and a schedule, evaluated once each."""
    return run("ticks")


def _poll(told: Told, sensor: str) -> dict[str, object]:
    (found,) = [e for e in told.events if e["name"] == "sensor.poll" and e["sensor"] == sensor]
    return found


def _asked(told: Told, word: str) -> list[dict[str, str]]:
    return [
        json.loads(line.partition(" ")[2]) for line in told.output.splitlines() if line.startswith(f"{word} ")
    ]


@pytest.mark.parametrize(
    ("sensor", "result", "attributes"),
    [
        (
            "watching",
            "triggered",
            {"flowstone.dagster.instigator": "sensor", "flowstone.dagster.run_requests": 2},
        ),
        (
            "idle",
            "skipped",
            {"flowstone.dagster.skip_message": "nothing new", "flowstone.sensor.cursor": "7"},
        ),
        ("crashing", "error", {"flowstone.dagster.instigator": "sensor"}),
        (
            "nightly",
            "triggered",
            {
                "flowstone.dagster.instigator": "schedule",
                "flowstone.dagster.scheduled_time": "2025-01-15T00:00:00+00:00",
            },
        ),
    ],
)
def test_a_poll_tells_what_it_came_to(
    told: Told, sensor: str, result: str, attributes: dict[str, object]
) -> None:
    """Each evaluation is one poll, with its result, its time, and what Dagster knows of it."""
    poll = _poll(told, sensor)
    assert result == poll.get("result", "skipped"), told.errors
    assert int(str(poll["duration"])) > 0
    assert attributes.items() <= poll["attributes"].items()  # type: ignore[attr-defined]


def test_each_poll_is_the_root_of_its_own_trace(told: Told) -> None:
    """Polls belong to no run, and not to each other."""
    polls = [e for e in told.events if e["name"] == "sensor.poll"]
    assert 4 == len(polls) == len({e["trace_id"] for e in polls}) == len({e["correlation_id"] for e in polls})
    assert {("", "")} == {(e.get("parent_id", ""), e.get("run_id", "")) for e in polls}


def test_the_error_of_a_sensor_is_told_and_passes_on(told: Told) -> None:
    """What the body raised is the poll's error, and Dagster gets it unchanged."""
    error = _poll(told, "crashing")["error"]
    assert ("LookupError", "no bucket") == (error["type"], error["message"])  # type: ignore[index]
    assert "sensor raised no bucket" in told.output


def test_a_cursor_is_bounded(told: Told) -> None:
    """A cursor of a thousand characters does not become one of the span's."""
    assert "9" * 256 == _poll(told, "watching")["attributes"]["flowstone.sensor.cursor"]  # type: ignore[index]


def test_requests_carry_the_poll(told: Told) -> None:
    """A run request gets the poll's correlation id and place, but for what it says itself."""
    poll = _poll(told, "watching")
    first, second = _asked(told, "asked")
    place = f"00-{poll['trace_id']}-{poll['span_id']}-01"
    assert (poll["correlation_id"], place) == (
        first["flowstone/correlation_id"],
        first["flowstone/triggered_by"],
    )
    assert ("mine", place) == (second["flowstone/correlation_id"], second["flowstone/triggered_by"])
    (planned,) = _asked(told, "planned")
    assert _poll(told, "nightly")["correlation_id"] == planned["flowstone/correlation_id"]


def test_the_body_runs_in_the_span_of_its_poll(told: Told) -> None:
    """What other libraries trace inside a sensor belongs to the poll."""
    poll = _poll(told, "watching")
    assert f"{poll['trace_id']} {poll['span_id']}" == _asked(told, "asked")[1]["seen"]


def test_an_evaluation_alone_triggers_nothing(told: Told) -> None:
    """A request is not a run yet."""
    assert [] == [e for e in told.events if e["name"] == "sensor.trigger"]
