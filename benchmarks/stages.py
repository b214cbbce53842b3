"""The drain's work, stage by stage, on the calling thread: where the CPU of an emission goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from time import thread_time_ns
from typing import Any

import flowstone
from benchmarks.work import PARTITIONS
from flowstone.catalogue.event import Event
from flowstone.dispatch.compiled import Implementation
from flowstone.face.log_lines import line_of
from flowstone.otel.recording import Metrics
from flowstone.otel.spans import Spans
from flowstone.otel.templates import Encoder
from flowstone.runtime import engine
from flowstone.runtime.export.encode import Envelope

CHUNK = 64


@dataclass(frozen=True, slots=True)
class Spent:
    """What the stages took.

    Attributes:
        microseconds: By stage, per materialization: that is two events.
        again: Runs all stages once more, for a profiler.
    """

    microseconds: dict[str, float]
    again: Callable[[], object]


def measure(count: int) -> Spent:
    """Time each stage on *count* materializations, in chunks as the drain makes them."""
    chunks = _chunks(count)
    batches = [_render(chunk) for chunk in chunks]
    encode = Encoder(Spans()).of
    metrics = Metrics()
    envelope = Envelope({"service.name": "bench"}, scope="flowstone")
    handlers = engine.current().handlers.listeners()  # the default log handler, as the drain calls it
    work: dict[str, Callable[[], object]] = {
        "render records to events": lambda: _each(_render, chunks),
        "metrics": lambda: _each(metrics.record, batches),
        "spans as OTLP bytes": lambda: _each(
            lambda batch: envelope.wrap(list(filter(None, map(encode, batch)))), batches
        ),
        "log lines: JSON": lambda: _each(lambda batch: [line_of(event) for event in batch], batches),
        "log lines: JSON, handler, file": lambda: _all(handlers, batches),
    }
    work |= _store(batches)
    took = {name: _time(call) / count for name, call in work.items()}
    return Spent(took, lambda: [call() for call in work.values()])


def batches(count: int) -> list[list[Event]]:
    """Return the events of *count* materializations, in chunks as the drain makes them."""
    return [_render(chunk) for chunk in _chunks(count)]


def _chunks(count: int) -> list[list[Any]]:
    operations: list[Any] = []
    with flowstone.run("stages"):
        for number in range(count):
            with flowstone.materialization("daily_report", partition=PARTITIONS[number % 365]) as operation:
                operations.append(operation)
    flowstone.flush(30)
    return [operations[at : at + CHUNK // 2] for at in range(0, count, CHUNK // 2)]


def _each(call: Callable[[list[Any]], object], batches: Sequence[list[Any]]) -> None:
    for batch in batches:  # what a call returns is let go at once, as the drain does
        call(batch)


def _all(listeners: Sequence[Implementation], batches: Sequence[list[Event]]) -> None:
    for listener in listeners:
        _each(listener.call, batches)


def _render(operations: Sequence[Any]) -> list[Event]:
    events: list[Event] = []
    for operation in operations:
        operation.clean = None  # as on the first time
        events.append(operation.start_event())
        events.append(operation.end_event())
    return events


def _store(batches: Sequence[list[Event]]) -> dict[str, Callable[[], object]]:
    """Return the stages of the embedded store, if it is installed."""
    try:
        from flowstone_console.rows import rows_of
    except ImportError:
        return {}
    plugin: Any = engine.current().plugins.get("console")
    if plugin is None:
        return {}
    return {
        "store: rows": lambda: _each(rows_of, batches),
        "store: rows, transaction": lambda: _each(plugin.on_events, batches),
    }


def _time(call: Callable[[], object]) -> float:
    call()
    took = []
    for _ in range(5):
        began = thread_time_ns()
        call()
        took.append((thread_time_ns() - began) / 1000)
    return median(took)


def lines(spent: Spent) -> list[str]:
    """Return the stages as text."""
    shown = ", ".join(f"{name} {took:.1f}" for name, took in spent.microseconds.items())
    return [f"The drain's stages, us of CPU per materialization (2 events), run alone: {shown}."]
