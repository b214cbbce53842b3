"""The events of an id for other plugins, abandoned work closed as it is in the tree."""

from __future__ import annotations

from flowstone.plugin import Event
from flowstone_console import config
from flowstone_console.abandoned import Moments, closing
from flowstone_console.leftovers import bring_in
from flowstone_console.lookup import AmbiguousError, NotFoundError
from flowstone_console.model import Node, Timeline, Trace
from flowstone_console.reader import NO_TRACE, Reader
from flowstone_console.rows import leg_of
from flowstone_console.spans import order


def events_of(text: str) -> list[Event] | None:
    """Return the events of the traces that *text* stands for, by time; None where there are none.

    The trace id of zeros stands for flowstone's own events, which belong to no trace.
    """
    path = config.load().path
    if path is None or not path.exists():
        return None
    bring_in(path)
    try:
        with Reader(path) as reader:
            if text == NO_TRACE:
                return sorted(reader.own_events(), key=order) or None
            return closed_events(reader.timeline(text))
    except (AmbiguousError, NotFoundError):
        return None


def closed_events(timeline: Timeline) -> list[Event]:
    """Return the events of *timeline* and the derived ends of what was abandoned."""
    return sorted((event for trace in timeline.traces for event in _closed(trace)), key=order)


def _closed(trace: Trace) -> list[Event]:
    ends = {event.span_id for event in trace.events if leg_of(event) == "end"}
    abandoned = {node.span_id for node in _every(trace.nodes) if node.state == "abandoned"} - ends
    moments = Moments(trace.events)
    derived = [
        closing(event, moments.last(event))
        for event in trace.events
        if leg_of(event) == "start" and event.span_id in abandoned
    ]
    return [*trace.events, *(event for event in derived if event is not None)]


def _every(nodes: tuple[Node, ...]) -> list[Node]:
    found = list(nodes)
    for node in found:  # grows while it is walked
        found.extend(node.children)
    return found
