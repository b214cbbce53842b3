"""What a timeline is made of: traces, operations, points, and how complete all that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from flowstone.plugin import Error, Event, Process

State = Literal["success", "skip", "running", "cancellation", "timeout", "failure", "error", "abandoned"]
"""How an operation stands: an event's status, ``running``, or ``abandoned`` where its process died."""

Mark = Literal["", "missing parent", "parent cycle", "too deep"]
"""Why an operation does not stand where its parent id says."""

BAD_STATES: frozenset[State] = frozenset({"failure", "error", "timeout", "cancellation", "abandoned"})
"""States that count as a failed run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """Something that happened at one moment.

    Attributes:
        event: Name of the event, ``mark`` for what user code marked on a span.
        title: What to show.
        time: Unix time in nanoseconds.
        duration: Nanoseconds, where the event has one.
        healthy: False where it tells of trouble, None where it does not judge.
        error: What went wrong, where known.
        token: Of a checkpoint that waits for a decision: what ``flowstone.resume_checkpoint`` takes.
    """

    event: str
    title: str
    time: int
    duration: int | None = None
    healthy: bool | None = None
    error: Error | None = None
    token: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One operation, made of whichever of its events arrived.

    Attributes:
        span_id: 16 hex digits.
        parent_id: 16 hex digits, empty at a root.
        kind: ``run``, ``materialization``, ``io.load``, ``io.store`` or a plugin's own.
        title: What to show, such as ``materialize daily_report``.
        partition: Display form of the partition, empty without.
        detail: The io manager, or which attempt it is.
        state: How it stands.
        start: Unix time in nanoseconds.
        end: Unix time in nanoseconds; None while it runs.
        last_seen: When it was last seen alive; only while it runs or is abandoned.
        duration: Nanoseconds; up to now while it runs, to the last sight of it where it is abandoned.
        size_bytes: Bytes, where known.
        rows: Rows, where known.
        error: What was raised.
        process: Where it ran; None where its start did not arrive.
        mark: Why it does not stand where its parent id says.
        points: What happened in it.
        children: The operations in it, by start.
    """

    span_id: str
    parent_id: str
    kind: str
    title: str
    partition: str = ""
    detail: str = ""
    state: State
    start: int
    end: int | None = None
    last_seen: int | None = None
    duration: int
    size_bytes: int | None = None
    rows: int | None = None
    error: Error | None = None
    process: Process | None = None
    mark: Mark = ""
    points: tuple[Point, ...] = ()
    children: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """What is there, and what is known to be missing.

    Attributes:
        spans: Operations shown.
        events: Events they were made of.
        dropped: Events that were lost before they reached the store.
        unexported: Spans and logs that exporters could not deliver; the store has them.
        abandoned: Operations whose process died.
        running: Operations that still run.
        duplicates: Events told more than once, folded.
        orphans: Operations whose parent is not there.
    """

    spans: int = 0
    events: int = 0
    dropped: int = 0
    unexported: int = 0
    abandoned: int = 0
    running: int = 0
    duplicates: int = 0
    orphans: int = 0

    def __add__(self, other: Completeness) -> Completeness:
        return Completeness(
            spans=self.spans + other.spans,
            events=self.events + other.events,
            dropped=self.dropped + other.dropped,
            unexported=self.unexported + other.unexported,
            abandoned=self.abandoned + other.abandoned,
            running=self.running + other.running,
            duplicates=self.duplicates + other.duplicates,
            orphans=self.orphans + other.orphans,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One trace.

    Attributes:
        trace_id: 32 hex digits.
        correlation_ids: Its correlation ids, sorted.
        run_ids: Its runs, sorted.
        pipelines: Their pipelines, sorted.
        orchestrators: Who ran them, sorted.
        state: How it stands as a whole; None where it has no operations.
        start: Unix time in nanoseconds of its first moment.
        duration: Nanoseconds to its last moment, or to now while it runs.
        nodes: Its outermost operations.
        points: What happened outside of operations.
        events: What it was made of, in order, duplicates folded.
        completeness: What is there and what is missing.
    """

    trace_id: str
    correlation_ids: tuple[str, ...]
    run_ids: tuple[str, ...]
    pipelines: tuple[str, ...]
    orchestrators: tuple[str, ...]
    state: State | None
    start: int
    duration: int
    nodes: tuple[Node, ...]
    points: tuple[Point, ...]
    events: tuple[Event, ...]
    completeness: Completeness


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """What one id leads to.

    Attributes:
        id: The id in full.
        matched: What kind of id it is: ``correlation_id``, ``trace_id`` or ``run_id``.
        traces: Its traces, the earliest first.
    """

    id: str
    matched: str
    traces: tuple[Trace, ...]

    @property
    def completeness(self) -> Completeness:
        """The sum over its traces."""
        return sum((trace.completeness for trace in self.traces), Completeness())

    @property
    def failed(self) -> bool:
        """Whether one of its traces failed, was cancelled or abandoned."""
        return any(trace.state in BAD_STATES for trace in self.traces)
