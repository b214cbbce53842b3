"""The tree of one trace: a pure function of its events, whatever is missing from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from flowstone.plugin import Event
from flowstone_console.abandoned import Moments
from flowstone_console.drafts import Draft, draft
from flowstone_console.gates import overdue, waiting
from flowstone_console.model import Completeness, Mark, Node, Point, State, Trace
from flowstone_console.points import point_of
from flowstone_console.processes import Judge
from flowstone_console.spans import Gathered, gather

_MAX_DEPTH: Final = 100
_WORST: Final[tuple[State, ...]] = (
    "running", "abandoned", "error", "failure", "timeout", "cancellation", "success", "skip",
)  # fmt: skip


def build(events: Iterable[Event], judge: Judge, now: int, *, dropped: int = 0, unexported: int = 0) -> Trace:
    """Build the tree of one trace.

    Args:
        events: All its events, in any order, each any number of times.
        judge: Tells whether processes live.
        now: Unix time in nanoseconds.
        dropped: Events known to be lost beside those that the trace itself tells of.
        unexported: Spans and logs that exporters could not deliver.
    """
    gathered = gather(events)
    moments = Moments(gathered.events)
    drafts = {key: draft(span, moments, judge, now) for key, span in gathered.spans.items()}
    tops = _place(drafts)
    loose = _place_points(gathered.others, drafts, now)
    nodes = tuple(top.finish() for top in sorted(tops, key=lambda top: top.order))
    state = overall(nodes)
    starts = [node.start for node in nodes] + [event.time for event in gathered.events]
    start = min(starts, default=0)
    last = now if state == "running" else max(_ends(nodes), default=moments.newest)
    return Trace(
        trace_id=next((event.trace_id for event in gathered.events), ""),
        correlation_ids=_distinct(event.correlation_id for event in gathered.events),
        run_ids=_distinct(event.run_id for event in gathered.events),
        pipelines=_distinct(event.pipeline for event in gathered.events),
        orchestrators=_distinct(event.orchestrator for event in gathered.events),
        state=state,
        start=start,
        duration=max(0, last - start),
        nodes=nodes,
        points=tuple(loose),
        events=tuple(gathered.events),
        completeness=_completeness(gathered, drafts, dropped, unexported),
    )


def overall(nodes: Sequence[Node]) -> State | None:
    """Return how a trace stands: the worst of its outermost operations; None without any.

    Of several runs with the same title the last counts: the earlier ones were tried again.
    """
    latest = {(node.title if node.kind == "run" else node.span_id): node for node in nodes}
    states = {node.state for node in latest.values() if not node.mark} or {node.state for node in nodes}
    return next((state for state in _WORST if state in states), None)


def _place(drafts: dict[str, Draft]) -> list[Draft]:
    """Hang every draft under its parent and return the outermost ones."""
    order = sorted(drafts.values(), key=lambda each: each.order)
    tops = [each for each in order if not each.node.parent_id]
    lost = [each for each in order if each.node.parent_id and each.node.parent_id not in drafts]
    for each in order:
        parent = drafts.get(each.node.parent_id)
        if parent is not None:
            parent.children.append(each)
    if not tops:
        # The parent of a run may well be a span of somebody else's: that is no fault.
        tops = [each for each in lost if each.node.kind == "run"]
        lost = [each for each in lost if each.node.kind != "run"]
    root = min(tops, key=lambda top: (top.node.kind != "run", top.order), default=None)
    for each in lost:
        _adopt(each, root, tops, "missing parent")
    for top in tuple(tops):
        _reach(top, 0)
    for each in order:
        if each.depth < 0:  # only a circle of parents is out of reach of the outermost ones
            drafts[each.node.parent_id].children.remove(each)
            _adopt(each, root, tops, "parent cycle")
            _reach(each, 0 if root is None else 1)
    return tops


def _adopt(orphan: Draft, root: Draft | None, tops: list[Draft], mark: Mark) -> None:
    orphan.mark = mark
    (tops if root is None else root.children).append(orphan)


def _reach(top: Draft, depth: int) -> None:
    """Note how deep every draft below *top* lies; what lies too deep becomes a sibling."""
    top.depth = depth
    waiting = [top]
    while waiting:
        parent = waiting.pop()
        if parent.depth == _MAX_DEPTH - 1:
            parent.children = _flatten(parent)
            continue
        for child in parent.children:
            if child.depth < 0:
                child.depth = parent.depth + 1
                waiting.append(child)


def _flatten(parent: Draft) -> list[Draft]:
    flat: list[Draft] = []
    waiting = list(parent.children)
    while waiting:
        each = waiting.pop()
        if each.depth < 0:
            each.depth = _MAX_DEPTH
            each.mark = each.mark or ("too deep" if each.node.parent_id != parent.node.span_id else "")
            waiting.extend(each.children)
            each.children = []
            flat.append(each)
    return flat


def _place_points(others: Sequence[Event], drafts: dict[str, Draft], now: int) -> list[Point]:
    """Put every point under its operation; return those that belong to none."""
    loose: list[Point] = []
    found = [(event, point_of(event)) for event in others]
    for event, point in [*waiting(found, now), *overdue(others, now)]:
        if point is not None:
            owner = drafts.get(event.span_id) or drafts.get(event.parent_id)
            (loose if owner is None else owner.points).append(point)
    return loose


def _completeness(
    gathered: Gathered, drafts: dict[str, Draft], dropped: int, unexported: int
) -> Completeness:
    lost = (int(getattr(event, "count", 0)) for event in gathered.others if event.name == "event.dropped")
    return Completeness(
        spans=len(drafts),
        events=len(gathered.events),
        dropped=dropped + sum(lost),
        unexported=unexported,
        abandoned=sum(each.node.state == "abandoned" for each in drafts.values()),
        running=sum(each.node.state == "running" for each in drafts.values()),
        duplicates=gathered.duplicates,
        orphans=sum(each.mark in {"missing parent", "parent cycle"} for each in drafts.values()),
    )


def _ends(nodes: Iterable[Node]) -> list[int]:
    return [node.start + node.duration for node in nodes]


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({text for text in texts if text}))
