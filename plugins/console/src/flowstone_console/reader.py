"""Reading the store: one id's timeline, and the newest traces."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self, cast

from flowstone.plugin import Event, Process, decode
from flowstone_console import opening
from flowstone_console.lookup import Match, NotFoundError, resolve
from flowstone_console.model import State, Timeline, Trace
from flowstone_console.processes import Judge
from flowstone_console.rows import split
from flowstone_console.tree import build

NO_TRACE: Final = "0" * 32
_EXPORTED: Final = frozenset({"spans", "logs"})
_SLACK: Final = 10_000_000_000  # what is lost at the end of a run is told a moment later
_EVENTS: Final = "SELECT body FROM events WHERE trace = ? ORDER BY seq"
_DROPPED: Final = "SELECT body FROM events WHERE trace = 0 AND instr(body, ?)"
_RECENT: Final = (
    "SELECT id, trace_id, run_id, correlation_id, pipeline, orchestrator, first_time, last_time, status, end_time"
    " FROM traces"
    " WHERE typeof(first_time) = 'integer' AND typeof(last_time) = 'integer' AND typeof(end_time) = 'integer'"
    " ORDER BY first_time DESC, id LIMIT ?"
)
_UNLISTED: Final = (
    "SELECT count(*) FROM traces"
    " WHERE typeof(first_time) != 'integer' OR typeof(last_time) != 'integer' OR typeof(end_time) != 'integer'"
)
_OPEN: Final = "SELECT host, boot_id, pid, start_time FROM open_spans WHERE trace = ? LIMIT 1000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recent:
    """One line of the list of traces.

    Attributes:
        trace_id: 32 hex digits.
        run_id: Its first run.
        correlation_id: Its first correlation id.
        pipeline: What ran.
        orchestrator: Who ran it.
        state: How it stands; None where it has no operations.
        start: Unix time in nanoseconds.
        duration: Nanoseconds from its first to its last moment.
    """

    trace_id: str
    run_id: str
    correlation_id: str
    pipeline: str
    orchestrator: str
    state: State | None
    start: int
    duration: int


class Reader:
    """Reads one state of the store; a context manager."""

    def __init__(self, path: Path, *, judge: Judge | None = None, now: int | None = None) -> None:
        """Open the store at *path*.

        Raises:
            StoreError: It cannot be read; the message says what to do.
        """
        self._connection: sqlite3.Connection = opening.for_reading(path)
        self._judge = judge or Judge()
        self._now = time.time_ns() if now is None else now

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def timeline(self, text: str) -> Timeline:
        """Return the timeline of an id, in full or its beginning.

        Raises:
            NotFoundError: No trace has such an id.
            AmbiguousError: Several traces do, under different ids.
        """
        return self._timeline(resolve(self._connection, text))

    def last(self) -> Timeline:
        """Return the timeline of the newest trace.

        Raises:
            NotFoundError: The store is empty.
        """
        found = self._connection.execute(_RECENT, (1,)).fetchone()
        if found is None:
            raise NotFoundError("there is no trace in the store yet")
        return self._timeline(Match(key=str(found[1]), kind="trace_id", traces=frozenset({int(found[0])})))

    def recent(self, limit: int) -> list[Recent]:
        """Return the newest traces, at most *limit*."""
        return [
            Recent(
                trace_id=trace_id,
                run_id=run_id,
                correlation_id=correlation_id,
                pipeline=pipeline,
                orchestrator=orchestrator,
                state=cast("State", status) if status else self._open_state(number, last),
                start=first,
                duration=max(0, (end if status else last) - first),
            )
            for number, trace_id, run_id, correlation_id, pipeline, orchestrator, first, last, status, end in (
                self._connection.execute(_RECENT, (limit,)).fetchall()
            )
        ]

    def unlisted(self) -> int:
        """Return how many traces no list shows, because their rows cannot be read."""
        return int(self._connection.execute(_UNLISTED).fetchone()[0])

    def own_events(self) -> list[Event]:
        """Return flowstone's own events, which belong to no trace, in the order of writing."""
        events, _ = self._read(self._connection.execute(_EVENTS, (0,)).fetchall())
        return [event for event in events if event.trace_id == NO_TRACE]

    def _timeline(self, match: Match) -> Timeline:
        traces = [trace for number in match.traces for trace in self._traces(number, match.key)]
        traces.sort(key=lambda trace: (trace.start, trace.trace_id))
        return Timeline(id=match.key, matched=match.kind, traces=tuple(traces))

    def _traces(self, number: int, key: str) -> list[Trace]:
        """Return the trace of a number; if there are several, those that *key* is an id of."""
        events, unreadable = self._read(self._connection.execute(_EVENTS, (number,)).fetchall())
        by_id: dict[str, list[Event]] = {}
        for event in events:
            by_id.setdefault(event.trace_id, []).append(event)
        return [
            self._build(own, unreadable)
            for own in by_id.values()
            if len(by_id) == 1
            or any(key in {event.trace_id, event.run_id, event.correlation_id} for event in own)
        ]

    def _build(self, own: list[Event], unreadable: int) -> Trace:
        lost = self._lost_meanwhile(own)
        unexported = sum(n for what, n in lost if what in _EXPORTED)
        dropped = unreadable + sum(n for what, n in lost if what not in _EXPORTED)
        return build(own, self._judge, self._now, dropped=dropped, unexported=unexported)

    def _lost_meanwhile(self, own: list[Event]) -> list[tuple[str, int]]:
        """Return what was lost, and how many, while the trace lasted; nobody can say of which trace."""
        first = min(event.time for event in own)
        last = max(event.time for event in own) + _SLACK
        told, _ = self._read(self._connection.execute(_DROPPED, (b"event.dropped",)).fetchall())
        return [
            (str(getattr(event, "event", "")), int(getattr(event, "count", 0)))
            for event in told
            if event.name == "event.dropped" and first <= event.time <= last
        ]

    def _read(self, bodies: list[tuple[bytes]]) -> tuple[list[Event], int]:
        events: list[Event] = []
        unreadable = 0
        for line in (line for (body,) in bodies for line in split(body)):
            try:
                events.append(_checked(decode(line)))
            except (ValueError, TypeError, KeyError):
                unreadable += 1  # of a version this one does not know: counted, so that the gap shows
        return events, unreadable

    def _open_state(self, number: int, last: int) -> State | None:
        """Return how a trace without an end stands, by the processes of its open operations."""
        rows = self._connection.execute(_OPEN, (number,)).fetchall()
        processes = {Process(host=row[0], boot_id=row[1], pid=row[2], start_time=row[3]) for row in rows}
        if not processes:
            return None
        silence = max(0, self._now - last)
        return "abandoned" if all(self._judge.is_gone(each, silence) for each in processes) else "running"


def _checked(event: Event) -> Event:
    """Return *event*.

    Raises:
        TypeError: Its moments are no numbers, so nobody can place it.
    """
    duration = getattr(event, "duration", None)
    if not isinstance(event.time, int) or not isinstance(duration, int | float | None):
        raise TypeError("not a moment")
    return event
