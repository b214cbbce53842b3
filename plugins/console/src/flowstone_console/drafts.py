"""An operation while its tree is being built."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final, cast

from flowstone.plugin import Event, partition_text
from flowstone_console.abandoned import Moments, is_closing
from flowstone_console.model import Mark, Node, Point, State
from flowstone_console.points import marks_of
from flowstone_console.processes import Judge
from flowstone_console.spans import Span

_VERBS: Final = {"run": "run", "materialization": "materialize", "io.load": "load", "io.store": "store"}


@dataclass(slots=True, eq=False)  # compared by identity: parents may form circles
class Draft:
    """A node whose place, children and points are still to be found."""

    node: Node
    mark: Mark = ""
    depth: int = -1
    points: list[Point] = field(default_factory=list)
    children: list[Draft] = field(default_factory=list)

    @property
    def order(self) -> tuple[int, str]:
        """Siblings stand in the order of their starts."""
        return self.node.start, self.node.span_id

    def finish(self) -> Node:
        """Return the node; its children have to be finished before, so the tree is at most 100 deep."""
        return replace(
            self.node,
            mark=self.mark,
            points=tuple(sorted(self.points, key=lambda point: (point.time, point.event, point.title))),
            children=tuple(child.finish() for child in sorted(self.children, key=lambda child: child.order)),
        )


def draft(span: Span, moments: Moments, judge: Judge, now: int) -> Draft:
    """Make the draft of an operation from whichever of its events are there.

    Args:
        span: Its events.
        moments: When what was last seen alive in this trace.
        judge: Tells whether processes live.
        now: Unix time in nanoseconds.
    """
    first, start, end = span.first, span.start, span.end
    duration = int(getattr(end, "duration", 0) or 0)
    began = start.time if start is not None else first.time - duration
    state, last_seen = _state(span, moments, judge, now)
    ended = None if end is None or last_seen is not None else end.time
    if last_seen is not None or not duration:
        last = now if state == "running" else last_seen or ended or first.time
        duration = max(0, last - began)
    made = Draft(
        Node(
            span_id=span.span_id,
            parent_id=first.parent_id or (end.parent_id if end is not None else ""),
            kind=first.name.rpartition(".")[0],
            title=_title(first),
            partition=partition_text(getattr(first, "partition", None)) or "",
            detail=_detail(first),
            state=state,
            start=began,
            end=ended,
            last_seen=last_seen,
            duration=duration,
            size_bytes=getattr(end, "size_bytes", None),
            rows=getattr(end, "rows", None),
            error=getattr(end, "error", None),
            process=getattr(start, "process", None),
        )
    )
    if end is not None:
        made.points.extend(marks_of(end))
    return made


def _state(span: Span, moments: Moments, judge: Judge, now: int) -> tuple[State, int | None]:
    """Return how an operation stands and, if it did not end itself, when it was last seen."""
    if span.end is not None:
        if is_closing(span.end):
            return "abandoned", span.end.time
        return cast("State", getattr(span.end, "status", "success")), None
    last = moments.last(span.first)
    silence = max(0, now - moments.newest)
    return ("abandoned" if judge.is_gone(getattr(span.first, "process", None), silence) else "running"), last


def _title(event: Event) -> str:
    kind = event.name.rpartition(".")[0]
    what = event.pipeline if kind == "run" else str(getattr(event, "asset", "") or "")
    what = what or ("" if hasattr(event, "block") else event.run_id)
    return f"{_VERBS.get(kind, kind)} {what}".rstrip()


def _detail(event: Event) -> str:
    attempt = int(getattr(event, "attempt", 1) or 1)
    manager = str(getattr(event, "io_manager", "") or "")
    return f"attempt {attempt}" if attempt > 1 else manager
