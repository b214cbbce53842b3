"""Controls: records that are not events but take their place in the stream."""

from __future__ import annotations

import threading
from collections.abc import Callable

from flowstone.catalogue.event import Event


class Control:
    """Something to do when the drain has delivered all that came before.

    Args:
        action: Run by the drain at that point.
    """

    __slots__ = ("_action", "done")

    def __init__(self, action: Callable[[], None] = lambda: None) -> None:
        self._action = action
        self.done = threading.Event()

    def dropped(self) -> str:
        """Be done even when the queue overflows: nobody may wait for ever."""
        self.reach()
        return "control"

    def render(self, out: list[Event]) -> None:
        """Make no event."""

    def reach(self) -> None:
        """Run the action, then tell who waits."""
        try:
            self._action()
        finally:
            self.done.set()
