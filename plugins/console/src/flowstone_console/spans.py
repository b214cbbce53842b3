"""Events sorted, folded and gathered into operations, whatever order and number they arrived in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from flowstone.plugin import Event
from flowstone_console.abandoned import is_closing
from flowstone_console.rows import leg_of


@dataclass(slots=True)
class Span:
    """The events of one operation.

    Attributes:
        span_id: Its id.
        start: The event that opened it, if it arrived.
        end: The event that closed it, if it arrived.
    """

    span_id: str
    start: Event | None = None
    end: Event | None = None

    @property
    def first(self) -> Event:
        """The start, or the end where there is no start."""
        event = self.start or self.end
        if event is None:
            raise ValueError(f"span {self.span_id} has no events")
        return event


@dataclass(slots=True)
class Gathered:
    """What a trace's events come to.

    Attributes:
        events: All of them, in order, each once.
        spans: The operations by span id.
        others: The events that are not part of an operation.
        duplicates: How many events told what another had told.
    """

    events: list[Event] = field(default_factory=list)
    spans: dict[str, Span] = field(default_factory=dict)
    others: list[Event] = field(default_factory=list)
    duplicates: int = 0


def order(event: Event) -> tuple[int, str, str, str]:
    """Return the key by which events are sorted: time, then whatever makes it the same for every reader."""
    return event.time, event.id, event.name, event.span_id


def gather(events: Iterable[Event]) -> Gathered:
    """Gather *events*; any permutation of them gives the same."""
    found = Gathered()
    seen: set[tuple[object, ...]] = set()
    for event in sorted(events, key=order):
        key: tuple[object, ...] = (event.id,) if event.id else (event.name, event.span_id, event.time)
        if key in seen:
            found.duplicates += 1
            continue
        seen.add(key)
        found.events.append(event)
    for event in found.events:
        if not event.span_id or not leg_of(event):
            found.others.append(event)
        else:
            _take(found, event)
    return found


def _take(found: Gathered, event: Event) -> None:
    """Give *event* its place in its operation: the first start, the first end that the work itself told."""
    span = found.spans.setdefault(event.span_id, Span(event.span_id))
    if (span.start or span.end) is not None and _stem(span.first) != _stem(event):
        # Another kind of operation under the same span id: shown, not mixed with the first.
        found.others.append(event)
    elif leg_of(event) == "start":
        if span.start is None:
            span.start = event
        else:
            found.duplicates += 1
    elif span.end is None:
        span.end = event
    elif is_closing(span.end) and not is_closing(event):
        span.end = event  # taken for dead, it ended after all
    elif not is_closing(event):
        found.duplicates += 1


def _stem(event: Event) -> str:
    return event.name.rpartition(".")[0]
