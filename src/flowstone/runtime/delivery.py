"""Delivery: a batch on its way through all listeners, one after the other; and their settling."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from time import monotonic
from typing import Final, NamedTuple

from flowstone.catalogue.event import Event
from flowstone.dispatch import contention
from flowstone.dispatch.compiled import Implementation
from flowstone.dispatch.wall import BATCH_BUDGET_S, Overrun, Wall
from flowstone.runtime.control import Control
from flowstone.runtime.hold import Hold
from flowstone.runtime.refusals import Refusals, Refused

ON_EVENTS: Final = "on_events"
SETTLE: Final = "settle"


class Busy(NamedTuple):
    """A listener at work.

    Attributes:
        plugin: Its name.
        since: Since when, monotonic seconds.
        forgiven: What was forgiven to everybody when it began.
    """

    plugin: str
    since: float
    forgiven: float

    @classmethod
    def of(cls, plugin: str) -> Busy:
        """Return that *plugin* begins now."""
        return cls(plugin, monotonic(), contention.forgiven())

    def is_overrun(self, budget: float) -> bool:
        """Tell whether it is at it for longer than *budget* seconds in which it could have the interpreter."""
        return contention.is_overrun(monotonic() - self.since, budget, self.forgiven)


Call = tuple[Implementation, str]
"""A listener, and which of its hooks is to be called."""


class Delivery:
    """The state of delivering; another worker can take over where one is hung.

    Attributes:
        busy: The listener that has the batch now.
        hold: The interpreter is let go of between listeners, where it was held for long.
        refusals: What settling refused to keep.
    """

    def __init__(self, wall: Wall) -> None:
        self._wall = wall
        self._listeners: tuple[Call, ...] = ()
        self._settlers: tuple[Call, ...] = ()
        self._lock = threading.Lock()
        self._batch: Sequence[Event] = ()
        self._rest: list[Call] = []
        self._control: Control | None = None
        self.busy: Busy | None = None
        self.hold = Hold()
        self.refusals = Refusals()

    def listen(self, listeners: Sequence[Implementation], settlers: Sequence[Implementation]) -> None:
        """Set who gets batches from now on, and who settles."""
        self._listeners = tuple((one, ON_EVENTS) for one in listeners)
        self._settlers = tuple((one, SETTLE) for one in settlers)

    def deliver(self, batch: Sequence[Event], control: Control | None = None, *, settle: bool = True) -> None:
        """Give a batch to everybody; then let them settle, if so asked, and reach *control*."""
        self._batch, self._control = batch, control
        self._rest = [*(self._listeners if batch else ()), *(self._settlers if settle else ())]
        self.go_on()

    def go_on(self) -> None:
        """Give the current batch to those that have not had it yet."""
        rest = self._rest
        self.hold.breathe()
        while (found := self._next(rest)) is not None:
            (listener, hook), busy = found
            error: BaseException | None = None
            try:
                listener.call(self._batch)
            except Refused as refused:  # an answer, not a fault
                self.refusals.note(refused)
            except BaseException as raised:  # the fault wall of batch hooks
                error = raised
            if error is None and busy.is_overrun(BATCH_BUDGET_S):
                error = Overrun(f"{monotonic() - busy.since:.2f} s for {len(self._batch)} events")
            if rest is not self._rest:
                return  # left behind meanwhile; the plugin is in quarantine
            if error is None:
                self._wall.good(listener.plugin)
            else:
                self._wall.failed(listener.plugin, hook, error)
            self.hold.breathe()

    def _next(self, rest: list[Call]) -> tuple[Call, Busy] | None:
        """Take the next listener; at the end reach the control. None means: stop."""
        with self._lock:
            if rest is not self._rest:
                return None
            while rest:
                call = rest.pop(0)
                if not self._wall.is_quarantined(call[0].plugin):
                    self.busy = busy = Busy.of(call[0].plugin)
                    return call, busy
            self.busy = None
            control, self._control = self._control, None
        if control is not None:
            control.reach()
        return None

    def leave_behind(self, busy: Busy) -> bool:
        """Give up on the listener that has the batch, if it still is *busy*; return whether it was.

        Whoever calls goes on with ``go_on``; the hung worker finds that it was left behind.
        """
        with self._lock:
            if self.busy is not busy:
                return False
            self._rest = list(self._rest)
            self.busy = None
        self._wall.failed(
            busy.plugin, ON_EVENTS, Overrun(f"still busy after {monotonic() - busy.since:.2f} s"), hung=True
        )
        return True
