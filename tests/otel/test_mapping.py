from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

import pytest

from flowstone.catalogue.event import CustomEvent, Event, event
from flowstone.catalogue.io import IoStoreException
from flowstone.catalogue.materialization import (
    MaterializationException,
    MaterializationStart,
    MaterializationStop,
)
from flowstone.catalogue.operation import OperationEnd, OperationStart
from flowstone.catalogue.registry import builtin_events
from flowstone.catalogue.run import RunHeartbeat
from flowstone.catalogue.values import Error, SpanLink
from flowstone.otel.instruments import INSTRUMENTS, Instrument
from flowstone.otel.shapes import SHAPES, SpanShape, shape_of, start_shape_of
from flowstone.otel.spans import Spans
from flowstone.runtime.export.data import ERROR, UNSET

IDS: dict[str, Any] = {
    "trace_id": "1" * 32,
    "span_id": "2" * 16,
    "correlation_id": "c1",
    "run_id": "r1",
    "time": 10_000,
}
BOOM = Error(type="ValueError", message="boom", stack="Traceback ...")


def names(cls: type[Event]) -> set[str]:
    return {own.name for own in fields(cls)}


@pytest.mark.parametrize("cls", [cls for cls in builtin_events() if issubclass(cls, OperationEnd)])
def test_every_end_makes_a_span(cls: type[Event]) -> None:
    """Each event that ends an operation has a shape in the table, and its start the same one."""
    shape = shape_of(cls)
    assert shape in SHAPES
    start = next(
        one for one in builtin_events() if issubclass(one, OperationStart) and one.subject == cls.subject
    )
    assert shape is start_shape_of(start)
    assert shape_of(start) is None


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_shapes_speak_of_fields_that_exist(shape: SpanShape) -> None:
    """Each field that a shape names is a field of at least one of its events; ids are common to all."""
    named = {shape.subject, shape.duration, *(field for _, field in shape.attributes)} - {""}
    assert set() == named - set().union(*(names(cls) for cls in shape.events))


@pytest.mark.parametrize("instrument", INSTRUMENTS, ids=lambda own: own.name)
def test_instruments_speak_of_fields_that_exist(instrument: Instrument) -> None:
    """Each field that an instrument measures or labels with is a field of its events."""
    known = set().union(*(names(cls) for cls in (*instrument.events, *instrument.opened_by)))
    named = {label.field.split(".")[0] for label in instrument.labels} | {
        instrument.value,
        instrument.identity,
    }
    assert set() == named - known - {""}


@pytest.mark.parametrize("instrument", INSTRUMENTS, ids=lambda own: own.name)
def test_metrics_are_named_as_the_conventions_ask(instrument: Instrument) -> None:
    """Names have no unit and no total, units are UCUM, histograms bring their buckets, ids are no labels."""
    assert re.fullmatch(r"flowstone(\.[a-z][a-z_]*)+", instrument.name)
    assert not instrument.name.endswith(("_total", ".seconds", ".bytes"))
    assert re.fullmatch(r"s|By|1|\{[a-z]+\}", instrument.unit)
    assert (instrument.kind == "histogram") == bool(instrument.buckets)
    assert sorted(instrument.buckets) == list(instrument.buckets)
    keys = {label.key for label in instrument.labels}
    assert set() == keys & {"flowstone.correlation.id", "flowstone.run.id", "flowstone.partition.key"}


def test_a_success_has_no_status() -> None:
    """A span that ended well leaves its status unset, and lasts as long as the event says."""
    span = Spans().of(MaterializationStop(**IDS, asset="daily", partition=("a", 2), duration=4_000, rows=7))
    assert span is not None
    assert ("materialize daily", 6_000, 10_000, UNSET) == (span.name, span.start, span.end, span.status)
    assert "a|2" == span.attributes["flowstone.partition.key"]
    assert "c1" == span.attributes["flowstone.correlation.id"]
    assert "error.type" not in span.attributes


def test_an_exception_is_recorded_once() -> None:
    """An exception that passes through several operations is an event on the innermost span only."""
    spans = Spans()
    ids = {**IDS, "span_id": "3" * 16, "parent_id": "2" * 16}
    inner = spans.of(IoStoreException(**ids, asset="a", error=BOOM, status="failure"))
    outer = spans.of(MaterializationException(**IDS, asset="a", error=BOOM, status="failure"))
    assert inner is not None
    assert outer is not None
    assert ["exception"] == [event.name for event in inner.events]
    assert [] == [event.name for event in outer.events]
    assert [(ERROR, "boom", "ValueError")] * 2 == [
        (span.status, span.description, span.attributes["error.type"]) for span in (inner, outer)
    ]


def test_a_cancellation_is_no_error() -> None:
    """Who cancels does not make a failure of it: the outcome says so, the status stays unset."""
    event = MaterializationException(**IDS, asset="a", error=BOOM, status="cancellation", kind="cancellation")
    span = Spans().of(event)
    assert span is not None
    assert (UNSET, "cancellation") == (span.status, span.attributes["flowstone.outcome"])


def test_own_attributes_win_over_the_users() -> None:
    """A user's attribute cannot take the place of one of ours, nor appear beside it twice."""
    event = MaterializationStop(**IDS, asset="a", attributes={"flowstone.run.id": "mine", "team": "x"})
    span = Spans().of(event)
    assert span is not None
    assert ("r1", "x") == (span.attributes["flowstone.run.id"], span.attributes["team"])


def test_starts_and_heartbeats_make_no_span() -> None:
    """Only what has ended is exported: half spans look corrupt to backends."""
    spans = Spans()
    assert spans.of(MaterializationStart(**IDS, asset="a")) is None
    assert spans.of(RunHeartbeat(**IDS)) is None


@event(subject="model")
class ModelTrained(Event):
    """A third party's event."""

    accuracy: float = 0.0
    links: tuple[SpanLink, ...] = ()


def test_events_of_plugins_become_spans_without_further_code() -> None:
    """A plugin's event, and one under an unknown name, make spans of their own."""
    spans = Spans()
    trained = spans.of(ModelTrained(**IDS, accuracy=0.5))
    custom = spans.of(CustomEvent(**IDS, name="my.event", attributes={"n": 1}))
    assert trained is not None
    assert custom is not None
    assert ("model.trained", 0.5) == (trained.name, trained.attributes["flowstone.model.accuracy"])
    assert ("my.event", 1) == (custom.name, custom.attributes["n"])
