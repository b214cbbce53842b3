"""What an event moves, as one compiled function for each event class.

A function per instrument, made of getters, costs twice as much: the calls cost more than what they do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Final, cast

from flowstone.catalogue.event import Event
from flowstone.otel.cells import Cells, HistogramCells, Key, NumberCells, OpenCells
from flowstone.otel.instruments import Instrument
from flowstone.otel.spans import FAILED
from flowstone.runtime.export.config import Exemplars

Recorder = Callable[[Event], None]
_EXAMPLE: Final = "(measured, event.time, event.trace_id, event.span_id)"


def recorder(
    cls: type[Event], opened: Sequence[Cells], moved: Sequence[Cells], exemplars: Exemplars
) -> Recorder:
    """Compile what records an event of *cls*.

    Args:
        cls: The event class.
        opened: Numbers of things under way that it begins one of.
        moved: What it is measured by; of a number of things under way it ends one.
        exemplars: Which measurements of histograms are kept together with their spans.
    """
    scope: dict[str, object] = {"error_type": _error_type, "failed": FAILED}
    lines = ["def record(event):", "    pass"]
    for cells in opened:
        assert isinstance(cells, OpenCells)
        own = cells.instrument
        lines.append(f"    {_named(scope, cells.begin)}(event.{own.identity}, {_key(cls, own)})")
    for cells in moved:
        lines += _lines(cls, cells, scope, exemplars)
    exec("\n".join(lines), scope)  # noqa: S102  # field names of our own classes
    return cast("Recorder", scope["record"])


def _named(scope: dict[str, object], value: object) -> str:
    """Put *value* into *scope* and return its name there."""
    name = f"own{len(scope)}"
    scope[name] = value
    return name


def _lines(cls: type[Event], cells: Cells, scope: dict[str, object], exemplars: Exemplars) -> list[str]:
    """Return the lines that move *cells*."""
    own, key = cells.instrument, _key(cls, cells.instrument)
    if isinstance(cells, OpenCells):
        return [f"    {_named(scope, cells.end)}(event.{own.identity})"]
    if own.states:
        return [f"    {_named(scope, _stateful(cells, own.states))}({key})"]
    wanted = f" and event.status in {_named(scope, frozenset(own.only))}" if own.only else ""
    measured = f"event.{own.value}" if own.value else "1"
    lines = [f"    measured = {measured}", f"    if measured is not None{wanted}:"]
    if own.per != 1:
        lines.append(f"        measured /= {own.per!r}")
    apply = _named(scope, _operation(cells))
    call = f"{apply}({key}, measured)"
    if isinstance(cells, HistogramCells) and exemplars != "always_off":
        with_example = f"{apply}({key}, measured, {_EXAMPLE})"
        always = exemplars == "always_on"
        call = with_example if always else f"{with_example} if event.sampled else {call}"
    return [*lines, f"        {call}"]


def _key(cls: type[Event], instrument: Instrument) -> str:
    """Return the expression of the values of the attributes; empty texts where there are none."""
    present = {own.name for own in fields(cls)}
    values: list[str] = []
    for label in instrument.labels:
        if label.of_event is not None:
            values.append(repr(label.of_event(cls)))
        elif label.field == "error.type" and "status" in present:
            values.append("error_type(event) if event.status in failed else ''")
        else:
            values.append(f"event.{label.field}" if label.field in present else "''")
    return "(" + "".join(f"{value}, " for value in values) + ")"


def _error_type(event: Event) -> str:
    """Return the error's type. Asked for failures only: a cancellation is no error."""
    error = getattr(event, "error", None)
    return error.type if error is not None else "_OTHER"


def _operation(cells: Cells) -> Callable[..., None]:
    if isinstance(cells, HistogramCells):
        return cells.record
    assert isinstance(cells, NumberCells)
    return cells.put if cells.instrument.kind == "gauge" else cells.add


def _stateful(cells: Cells, states: tuple[str, ...]) -> Callable[[Key], None]:
    """Return what sets one series per state; the state is the last label."""
    assert isinstance(cells, NumberCells)
    put = cells.put

    def record(key: Key) -> None:
        *rest, present = key
        for state in states:
            put((*rest, state), int(state == present))

    return record
