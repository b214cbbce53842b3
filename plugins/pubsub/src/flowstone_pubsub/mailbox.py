"""The hub's side of a subscription: the ring it fills, and who is to be woken."""

from __future__ import annotations

import os
import threading
import weakref
from asyncio import AbstractEventLoop, Future
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Literal

from flowstone_pubsub import tally
from flowstone_pubsub.message import Gap
from flowstone_pubsub.patterns import Patterns
from flowstone_pubsub.rings import Item, Ring, first_of, last_of

Full = Literal["drop", "disconnect", "spill"]
"""What happens where the ring does not account for what it has no place for."""

Waiter = Callable[[], object] | tuple[AbstractEventLoop, "Future[None]"]
"""Who waits for the next item: a thread, by the function that wakes it, or a task."""

_boxes: Final[weakref.WeakSet[Mailbox]] = weakref.WeakSet()


class Mailbox:
    """Items on their way to one subscription.

    It is *live* while the hub fills it. It is *reading* while the subscription reads the log itself: until it has
    caught up, and after it spilled.

    Attributes:
        patterns: What the subscription asked for.
        closed: Whether nothing more comes.
        cursor: While reading, the last seq that needs no reading; else the one behind which it went live.
        live: Whether the hub fills it.
        lock: Held for each change.
    """

    def __init__(self, patterns: Patterns, ring: Ring, full: Full, policy: str) -> None:
        self.patterns = patterns
        self.lock = threading.Lock()
        self.closed = False
        self.cursor = 0
        self.live = False
        self.policy = policy
        self._ring = ring
        self._full = full
        self._waiter: Waiter | None = None
        self._told_dropped = 0
        self._ending: Gap | None = None  # what is told at last, where it was closed for being slow
        self._anew: Gap | None = (
            None  # while reading: the log was begun anew, told before anything else is read
        )
        _boxes.add(self)

    def offer(self, items: Sequence[Item]) -> Waiter | None:
        """Take over what the hub delivers; return who is to be woken."""
        with self.lock:
            if self.closed:
                return None
            first, last = first_of(items[0]), last_of(items[0])
            if not self.live:
                if last < first:
                    self._begin_anew(items[0])
                return None
            if last < first:  # the log was begun anew; this gap comes alone
                self.cursor = last
            elif first <= self.cursor:
                items = [item for item in items if last_of(item) > self.cursor]
            left = self._ring.put(items) if items else 0
            if left:
                self._overflow(items[len(items) - left :])
            waiter, self._waiter = self._waiter, None
            return waiter

    def _begin_anew(self, gap: Item) -> None:
        """What is behind the cursor is another log's: note to say so, and to read that from its beginning."""
        first = self.cursor + 1 if self._anew is None else self._anew.first
        self.cursor = last_of(gap)
        self._anew = Gap(first, self.cursor, "engine")

    def _overflow(self, items: Sequence[Item]) -> None:
        if self._full == "spill":
            self.live = False
            first, last = first_of(items[0]), last_of(items[0])
            self.cursor = first - 1
            if last < first:
                self._begin_anew(items[0])
            return
        self.closed = True
        tally.add("dropped", self.policy, len(items))
        self._ending = Gap(first_of(items[0]), last_of(items[-1]), "slow_consumer")

    def has_read(self, items: Sequence[Item], last: int, hand: deque[Item]) -> Sequence[Item]:
        """Put into *hand* what the subscription has read, and move the cursor to *last*; return what was put there.

        If the log has been begun anew meanwhile, that is told instead: what was read may be of the old one.
        """
        with self.lock:
            # First the hand, then the cursor: the position is never further than what was given.
            if self._anew is not None:
                items = [self._anew]
                hand.extend(items)
                self._anew = None
            else:
                hand.extend(items)
                self.cursor = last
            return items

    def reread(self, cursor: int) -> None:
        """Have the subscription read what is behind *cursor* itself; the lock is held by the caller."""
        self.live = False
        self.cursor = cursor

    def take(self, limit: int) -> Sequence[Item]:
        """Return what waits."""
        with self.lock:
            taken = self._ring.take(limit)
            if taken or self._ending is None:
                return taken
            ending, self._ending = self._ending, None
            return [ending]

    def newly_dropped(self) -> int:
        """Return how many messages were dropped since the last time this was asked."""
        with self.lock:
            dropped = self._ring.dropped - self._told_dropped
            self._told_dropped += dropped
            return dropped

    def first(self) -> int | None:
        """Return the first seq that waits."""
        found = self._ring.first()
        if found is None:
            told = self._anew or self._ending
            found = None if told is None else told.first
        return found

    def go_live(self, head: Callable[[], int]) -> bool:
        """Be filled by the hub from now on, unless it is further than the cursor; return whether it is live."""
        with self.lock:
            if not self.live and self._anew is None and head() <= self.cursor:
                self.live = True
            return self.live

    def wait(self, waiter: Waiter) -> bool:
        """Have *waiter* woken by the next item; False where there is no need to wait.

        Raises:
            RuntimeError: Somebody waits already.
        """
        with self.lock:
            if self.closed or not self.live or len(self._ring):
                return False
            if self._waiter is not None:
                raise RuntimeError(
                    "a subscription is read by one thread or task at a time; subscribe once for each"
                )
            self._waiter = waiter
            return True

    def give_up(self, waiter: Waiter) -> None:
        """Do not wake *waiter* any more."""
        with self.lock:
            if self._waiter is waiter:
                self._waiter = None

    def interrupt(self) -> Waiter | None:
        """Take the waiter off, to be woken because something has changed."""
        with self.lock:
            waiter, self._waiter = self._waiter, None
            return waiter

    def close(self) -> Waiter | None:
        """End the subscription; return who is to be woken."""
        with self.lock:
            self.closed = True
            waiter, self._waiter = self._waiter, None
            return waiter

    def __len__(self) -> int:
        return len(self._ring)

    def inherited(self) -> None:
        """Be closed in a forked child: the lock may have been held by a thread that is not there."""
        self.lock = threading.Lock()
        self.closed = True
        self._waiter = None


def wake(waiters: Sequence[Waiter]) -> None:
    """Wake threads one by one, and the tasks of a loop together."""
    by_loop: dict[AbstractEventLoop, list[Future[None]]] = {}
    for waiter in waiters:
        if isinstance(waiter, tuple):
            by_loop.setdefault(waiter[0], []).append(waiter[1])
        else:
            waiter()
    for loop, futures in by_loop.items():
        try:
            loop.call_soon_threadsafe(_resolve, futures)
        except RuntimeError:  # the loop was closed, and its tasks with it
            tally.add("refused", "loop closed", len(futures))


def _resolve(futures: Sequence[Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)


def _begin_anew() -> None:
    for box in tuple(_boxes):
        box.inherited()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
