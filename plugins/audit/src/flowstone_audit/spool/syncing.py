"""Waiting for the disk no longer than agreed: one thread waits for as long as it takes, and whoever asks, a while."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from flowstone.plugin import start_thread

TOO_LONG: Final = "the disk takes too long"


class _Wish:
    """Somebody who waits.

    Attributes:
        done: Set when the disk has answered.
        reason: Why it is not known to have everything; empty where it has.
    """

    __slots__ = ("done", "reason")

    def __init__(self) -> None:
        self.done = threading.Event()
        self.reason = TOO_LONG


class Syncing:
    """Has a spool on the disk, for all who wait at once; a disk that hangs holds one thread, however many ask.

    Args:
        sync: Waits until all that was appended before is on the disk; raises OSError where that is not known.
    """

    def __init__(self, sync: Callable[[], None]) -> None:
        self._sync = sync
        self._wishes: deque[_Wish] = deque()
        self._turn = threading.Lock()

    def wait(self, timeout: float) -> str:
        """Wait until all that was appended before is on the disk; return why that is not known, or nothing.

        Args:
            timeout: Seconds; without bound only where no thread can be started.
        """
        wish = _Wish()
        self._wishes.append(wish)
        if self._turn.acquire(blocking=False) and start_thread(self._work, "flowstone-audit-sync") is None:
            self._work()
        if not wish.done.wait(timeout):
            with suppress(ValueError):  # it may just have been taken
                self._wishes.remove(wish)
        return wish.reason

    def _work(self) -> None:
        """Sync until nobody waits any more; called with the turn, which it lets go."""
        while True:
            try:
                while self._wishes:
                    self._answer()
            finally:
                self._turn.release()
            if not self._wishes or not self._turn.acquire(blocking=False):
                return

    def _answer(self) -> None:
        taken = [self._wishes.popleft() for _ in range(len(self._wishes))]
        reason = ""
        try:
            self._sync()
        except OSError as error:
            reason = error.strerror or str(error)
        for one in taken:
            one.reason = reason
            one.done.set()
