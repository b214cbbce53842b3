"""The JSON line of any event, against a plain reading of its fields."""

from __future__ import annotations

import json
import logging
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowstone.catalogue.event import CustomEvent, Event
from flowstone.catalogue.registry import builtin_events
from flowstone.catalogue.values import partition_text
from flowstone.face.log_lines import LEVELS, line_of, lines_of
from flowstone.runtime.severities import severity_of
from tests.otel.test_templates import events

EVENTS = [*builtin_events(), CustomEvent]
IDS = ("run_id", "correlation_id", "trace_id", "span_id")


def plainly(event: Any) -> dict[str, Any]:
    """Return what a line says of each event, whatever its class."""
    told: dict[str, Any] = {"event": event.name, **{name: getattr(event, name) for name in IDS}}
    told["severity"] = logging.getLevelName(LEVELS[severity_of(type(event))(event)])
    told |= {"pipeline": event.pipeline} if event.pipeline else {}
    told |= {"asset": event.asset} if hasattr(event, "asset") else {}
    if getattr(event, "partition", None) is not None:
        told["partition"] = partition_text(event.partition)
    if getattr(event, "error", None) is not None:
        told |= {"error_type": event.error.type, "error_message": event.error.message}
    return told


@pytest.mark.parametrize("cls", EVENTS, ids=lambda cls: cls.__name__)
@given(st.data())
def test_a_line_says_what_the_event_says(cls: type[Event], data: st.DataObject) -> None:
    """Whatever an event holds, its line is one line, JSON, with all of that; what else it has are other fields of it."""
    event: Any = data.draw(events(cls))
    written = line_of(event)
    assert 1 == len(written.splitlines())
    line = json.loads(written)
    wanted = plainly(event)
    assert wanted == {key: line.get(key) for key in wanted}
    duration = getattr(event, "duration", None) or 0
    assert abs(line.get("duration_ms", 0) * 1_000_000 - duration) <= max(500, duration * 1e-12)
    names = {field.name for field in fields(event)}
    rest = line.keys() - wanted.keys() - {"timestamp", "duration_ms"}
    assert names >= {name.removesuffix("_name") if name not in names else name for name in rest}


@given(st.lists(st.sampled_from(EVENTS).flatmap(events)), st.sets(st.sampled_from([*LEVELS])))
def test_many_lines_are_those_of_each(given_events: list[Event], severities: set[int]) -> None:
    """Those of the severities that are wanted, each with its level and time, in their order."""
    judged = [(severity_of(type(one))(one), one) for one in given_events]
    wanted = [(LEVELS[found], line_of(one), one.time) for found, one in judged if found in severities]
    assert wanted == lines_of(given_events, severities)
