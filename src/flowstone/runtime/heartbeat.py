"""Heartbeats: while a run is under way in this process, one thread tells so now and then."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from math import inf
from time import monotonic
from typing import Final, NamedTuple, Protocol

from flowstone.catalogue.run import RunHeartbeat
from flowstone.runtime import emission, threads
from flowstone.runtime.scope import Scope
from flowstone.runtime.settings import settings
from flowstone.runtime.stats import count

PERIOD_S: Final = 60.0
_LONGEST_S: Final = 86_400.0


class Running(Protocol):
    """A run, as far as its heartbeats need it."""

    scope: Scope
    span_id: int
    parent_id: int
    ended: bool


class _Beating(NamedTuple):
    due: float
    run: Callable[[], Running | None]
    period: float


class Heartbeats:
    """The runs that are under way in this process, and the thread that tells of them.

    A run whose object is gone can no longer be ended here, so it is no longer told alive either.

    Args:
        now: Seconds that only go up.
    """

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self.reset()

    def reset(self) -> None:
        """Forget everything: a fork's parent goes on telling of its runs."""
        self._runs: dict[int, _Beating] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._wakes = inf

    def watch(self, run: Running) -> None:
        """Tell of *run* every ``FLOWSTONE_HEARTBEAT`` seconds from now on; 0 for never."""
        period = settings().number("HEARTBEAT", PERIOD_S)
        if not period > 0 or threads.is_finalizing():
            return
        period = min(period, _LONGEST_S)
        beating = _Beating(self._now() + period, weakref.ref(run), period)
        with self._changed:
            self._runs[id(run)] = beating
            if self._thread is None:
                self._thread = threads.start(self._work, "flowstone-heartbeat")
            elif beating.due < self._wakes:  # else it wakes in time anyway; short runs wake nobody
                self._changed.notify()

    def forget(self, run: Running) -> None:
        """Tell of *run* no more."""
        self._runs.pop(id(run), None)

    def beat(self) -> None:
        """Tell of every run that is due."""
        now = self._now()
        for key in tuple(self._runs):
            one = self._runs.get(key)
            run = one.run() if one is not None else None
            if one is None or run is None or run.ended:
                self._drop(key, one)
            elif one.due <= now:
                due = one.due + one.period
                self._runs[key] = one._replace(due=due if due > now else now + one.period)  # machines sleep
                _tell(run)

    def next_due(self) -> float:
        """Return when the next run is due; infinity where none is under way."""
        return min((one.due for one in tuple(self._runs.values())), default=inf)

    def _drop(self, key: int, one: _Beating | None) -> None:
        with self._changed:  # a new run may have got the key of one that is gone
            if self._runs.get(key) is one:
                self._runs.pop(key, None)

    def _work(self) -> None:
        changed = self._changed
        while True:
            self.beat()
            with changed:
                self._wakes = self.next_due()
                wait = self._wakes - self._now()
                if wait > 0:
                    changed.wait(None if self._wakes == inf else wait)


def _tell(run: Running) -> None:
    try:
        emission.emit(RunHeartbeat, {}, scope=run.scope, span_id=run.span_id, parent_id=run.parent_id)
    except Exception:  # the other runs are still to be told of
        count("heartbeat.failed")


heartbeats: Final = Heartbeats()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=heartbeats.reset)
