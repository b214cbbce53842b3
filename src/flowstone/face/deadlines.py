"""Time-outs of the checkpoints that this process knows of, fired by one thread while anything is pending."""

from __future__ import annotations

import heapq
import itertools
import os
import threading
from collections.abc import Callable
from time import time_ns
from typing import Final, NamedTuple

from flowstone.runtime import threads
from flowstone.runtime.stats import count

BOUND: Final = 4096
_LOOK_AGAIN_S: Final = 60.0  # clocks are set, and laptops sleep


class _Pending(NamedTuple):
    due: int
    ordinal: int
    key: str
    remaining: Callable[[], float | None]
    fire: Callable[[], object]


class Deadlines:
    """A bounded heap of time-outs, and the thread that waits for the next one.

    Args:
        now: Unix nanoseconds.
    """

    def __init__(self, now: Callable[[], int] = time_ns) -> None:
        self._now = now
        self._ordinals = itertools.count()
        self.reset()

    def reset(self) -> None:
        """Forget everything: what a fork's parent waits for is the parent's."""
        self._heap: list[_Pending] = []
        self._keys: set[str] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def watch(self, key: str, remaining: Callable[[], float | None], fire: Callable[[], object]) -> None:
        """Call *fire* when nothing remains; the first watcher of a *key* counts.

        Args:
            key: What is watched.
            remaining: Returns the seconds that are left, or None where nothing is to be done any more.
            fire: Called in the thread.
        """
        left = remaining()
        if left is None:
            return
        with self._changed:
            if key in self._keys or not self._has_room():
                return
            self._push(_Pending(self._due(left), next(self._ordinals), key, remaining, fire))
            if self._thread is None:
                self._thread = threads.start(self._work, "flowstone-deadlines")
            self._changed.notify()

    def run_due(self) -> float | None:
        """Fire what is due; return the seconds to the next one, None where nothing is pending."""
        while True:
            with self._changed:
                if not self._heap:
                    return None
                wait = (self._heap[0].due - self._now()) / 1e9
                if wait > 0:
                    return wait
                one = heapq.heappop(self._heap)
                self._keys.discard(one.key)
                left = one.remaining()
                if left is not None and left > 0:  # its own clock says otherwise
                    self._push(one._replace(due=self._due(max(left, 0.01))))
                    continue
            if left is not None:
                _fire(one)

    def _due(self, left: float) -> int:
        return self._now() + int(left * 1e9)

    def _push(self, one: _Pending) -> None:
        heapq.heappush(self._heap, one)
        self._keys.add(one.key)

    def _has_room(self) -> bool:
        if len(self._heap) >= BOUND:
            self._heap = [one for one in self._heap if one.remaining() is not None]
            heapq.heapify(self._heap)
            self._keys = {one.key for one in self._heap}
        if len(self._heap) >= BOUND:
            count("checkpoint.unwatched")  # told when somebody resumes it
            return False
        return True

    def _work(self) -> None:
        changed = self._changed
        while True:
            self.run_due()
            with changed:
                if not self._heap:
                    self._thread = None  # costs nothing while nothing is pending
                    return
                wait = (self._heap[0].due - self._now()) / 1e9
                if wait > 0:
                    changed.wait(min(wait, _LOOK_AGAIN_S))


def _fire(one: _Pending) -> None:
    try:
        one.fire()
    except Exception:  # one time-out that cannot be told must not keep the others from theirs
        count("checkpoint.timeout.failed")


deadlines: Final = Deadlines()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=deadlines.reset)
