"""Putting ready events into the stream, as if somebody had emitted them."""

from __future__ import annotations

from collections.abc import Iterable

from flowstone.catalogue.event import Event
from flowstone.runtime import lane
from flowstone.runtime.control import Control
from flowstone.runtime.engine import Engine

_WAIT_S = 10.0


class _Ready:
    """A record whose event is made already."""

    __slots__ = ("_event",)

    def __init__(self, event: Event) -> None:
        self._event = event

    def dropped(self) -> str:
        """Return the name of the event that is lost when this record is."""
        return self._event.name

    def render(self, out: list[Event]) -> None:
        """Append the event to *out*."""
        out.append(self._event)


def feed(engine: Engine, events: Iterable[Event]) -> bool:
    """Deliver *events* through *engine*: to the synchronous hooks at once, to the others by the drain.

    Returns:
        True if all of them were delivered in time.
    """
    for event in events:
        notify = engine.plugins.notifier(event.name)
        if notify is not None:
            notify(event)
        lane.append(_Ready(event))
    return engine.drain.reach(Control(), _WAIT_S)
