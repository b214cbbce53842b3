"""A batch of events as rows of the store: pure, so that it happens once however often the write is retried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import time_ns
from typing import Final, Literal

from flowstone.plugin import CustomEvent, Event, Process, encode
from flowstone_console.abandoned import is_closing

Leg = Literal["start", "end", ""]
CORRELATION, TRACE, RUN = 0, 1, 2
"""Kinds of ids in the look-up table, in the order in which matches are preferred."""

_LEGS: Final[dict[str, Leg]] = {"start": "start", "stop": "end", "exception": "end"}
_legs: Final[dict[type[Event], Leg]] = {}


class Group:
    """What a batch tells about one trace under one run and correlation id."""

    __slots__ = ("bodies", "end_time", "first", "last", "number", "status")

    def __init__(self, number: int, first: Event) -> None:
        self.number = number
        self.first = first
        self.last = first
        self.bodies: list[bytes] = []
        self.status = ""  # how its root ended; empty while it runs
        self.end_time = 0  # when its root ended, or last began; 0 where the batch does not say


@dataclass(slots=True)
class Rows:
    """What one batch writes.

    Attributes:
        count: How many events it holds.
        events: Row id of a trace, and its events of this batch, a line of JSON each.
        traces: What the list of traces shall know.
        lookups: Ids, their kinds, and the traces they lead to.
        opened: Starts without their end, and whose they are.
        closed: Ends without their start.
    """

    count: int
    events: list[tuple[int, bytes]] = field(default_factory=list)
    traces: list[tuple[int | str, ...]] = field(default_factory=list)
    lookups: list[tuple[str, int, int]] = field(default_factory=list)
    opened: dict[tuple[int, str], Process] = field(default_factory=dict)
    closed: list[tuple[int, str]] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Bytes of its events."""
        return sum(len(body) for _, body in self.events)


def trace_number(trace_id: str) -> int:
    """Return the number under which a trace lies, made from its id, so that no process has to ask the others.

    The time comes first, as in our own ids, because rows in the order of time cost a third less to write.
    Two traces of one millisecond may get the same number: whoever reads tells them apart by their ids.
    """
    try:
        whole = int(trace_id, 16)
    except ValueError:
        return 0
    return (whole >> 80) << 15 & 0x7FFF_FFFF_FFFF_FFFF | whole & 0x7FFF or (whole and 1)  # 0 is for no trace


def leg_of(event: Event) -> Leg:
    """Tell whether an event opens or closes an operation."""
    leg = _legs.get(event.__class__)
    if leg is None:
        # Generic events are points: their span id is that of whatever encloses them.
        custom = isinstance(event, CustomEvent)
        leg = _legs[event.__class__] = "" if custom else _LEGS.get(event.name.rpartition(".")[2], "")
    return leg


def rows_of(batch: Sequence[Event]) -> Rows:
    """Turn *batch* into rows.

    The events of a trace go into one row, because a row costs as much as ten more lines in it.
    """
    rows = Rows(len(batch))
    groups: dict[tuple[str, str, str], Group] = {}
    opened, closed = rows.opened, rows.closed
    for event in batch:
        key = (event.trace_id, event.run_id, event.correlation_id)
        group = groups.get(key)
        if group is None:
            group = groups[key] = Group(trace_number(event.trace_id), event)
        group.last = event
        group.bodies.append(encode(event))
        leg = _legs.get(event.__class__)
        if leg is None:
            leg = leg_of(event)
        if not leg:
            continue
        span = group.number, event.span_id
        # A pair within one batch never gets into the book of open spans.
        if leg == "start":
            process: Process | None = getattr(event, "process", None)
            if isinstance(process, Process):
                opened[span] = process
        elif opened.pop(span, None) is None:
            closed.append(span)
        if not event.parent_id or event.subject == "run":
            group.status = "" if leg == "start" else _status(event)
            group.end_time = event.time
    for group in groups.values():
        _finish(rows, group)
    return rows


def _status(end: Event) -> str:
    """Return how a root ended, in the words of the tree."""
    return "abandoned" if is_closing(end) else str(getattr(end, "status", ""))


def split(body: bytes) -> list[bytes]:
    """Return the events that a row holds; JSON has no line ends of its own."""
    return body.split(b"\n")


def _finish(rows: Rows, group: Group) -> None:
    first, number = group.first, group.number
    rows.events.append((number, b"\n".join(group.bodies)))
    if not number:
        return
    begin = _moment(first.time) or _moment(group.last.time) or time_ns()
    rows.traces.append(
        (
            number,
            *map(str, (first.trace_id, first.run_id, first.correlation_id)),
            *map(str, (first.pipeline, first.orchestrator)),
            begin,
            _moment(group.last.time) or begin,
            group.status,
            _moment(group.end_time),
        )
    )
    rows.lookups.append((first.trace_id, TRACE, number))
    if first.run_id:
        rows.lookups.append((first.run_id, RUN, number))
    # By default it is the trace id as UUID text, which a look-up reads as the trace id.
    if first.correlation_id and first.correlation_id.replace("-", "") != first.trace_id:
        rows.lookups.append((first.correlation_id, CORRELATION, number))


def _moment(time: object) -> int:
    """Return a time as the column takes it; 0 for what is none, for one such row would spoil the whole list."""
    return time if isinstance(time, int) and abs(time) < 1 << 63 else 0
