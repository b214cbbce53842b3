"""A subscription: messages as they come, read by one thread or one task; and gaps where some are missing."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections import deque
from collections.abc import Iterator, Sequence
from time import monotonic, sleep
from types import TracebackType
from typing import Final, Self

from flowstone_pubsub import tally
from flowstone_pubsub.engines.base import EngineDown
from flowstone_pubsub.hub import Hub, last_of_log, told
from flowstone_pubsub.mailbox import Mailbox, Waiter
from flowstone_pubsub.message import Gap
from flowstone_pubsub.rings import Item, first_of, last_of

_CHUNK: Final = 256
_PAGE: Final = 256
_AGAIN_S: Final = 0.05
_AGAIN_MOST_S: Final = 1.0
_CATCHING_UP_S: Final = 0.002


class Subscription:
    """What ``subscribe`` returns. Iterate over it, with ``for`` or ``async for``; close it, or use it in ``with``.

    Each item is a ``Message`` or a ``Gap``: of everything behind the place where the subscription began there is one
    or the other. It waits for what comes next, for ever; ``next_item(5)`` waits for a bounded time, and so does
    ``await asyncio.wait_for(anext(subscription), 5)``, which may be repeated and loses nothing.
    """

    def __init__(self, hub: Hub, box: Mailbox, maxlen: int) -> None:
        self._hub = hub
        self._box = box
        self._hand: deque[Item] = deque()  # taken from the mailbox, and not yet given
        # Few at a time where few may wait: what is in the hand is no longer bounded by the mailbox.
        self._chunk = min(max(maxlen // 8, 1), _CHUNK)
        self._taken = box.cursor  # the last seq that went through the hand
        self._reading = threading.Lock()
        self._again = _AGAIN_S
        # Who forgets to close is not kept alive by the hub. Nothing may be locked here: this runs anywhere.
        self._forgotten = weakref.finalize(self, _forget, box)

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics and wildcards it was made for."""
        return self._box.patterns.asked

    @property
    def closed(self) -> bool:
        """Whether nothing more comes; what has come already can still be read."""
        return self._box.closed

    @property
    def position(self) -> int:
        """The last seq up to which it is whole: all messages until there were given, or gaps for them.

        ``subscribe(..., since=position)`` goes on there, on any topics, in any process.
        """
        done = (
            self._hub.done
        )  # before looking whether something waits: what comes in between does not count yet
        live = self._box.live
        try:
            return first_of(self._hand[0]) - 1
        except IndexError:
            waiting = self._box.first()
        if waiting is not None:
            return waiting - 1
        if not live:
            return self._box.cursor
        return self._taken if self._box.closed else max(self._taken, self._box.cursor, done)

    @property
    def depth(self) -> int:
        """How many items wait in memory."""
        return len(self._hand) + len(self._box)

    def next_item(self, timeout: float | None = None) -> Item | None:
        """Return the next message or gap; None where there is none within *timeout* seconds, or ever."""
        deadline = None if timeout is None else monotonic() + timeout
        while not self._hand and not self._fill():
            if self._box.closed and not len(self._box):
                return None
            pause = 0.0 if self._box.live else self._read()
            if self._hand:
                break
            left = None if deadline is None else deadline - monotonic()
            if left is not None and left <= 0 and (timeout or pause or self._box.live):
                return None  # with no time at all, what the log holds already is still read
            if pause:
                sleep(pause if left is None else min(pause, left))
            elif self._box.live:
                self._wait(left)
        return self._hand.popleft()

    def _fill(self) -> bool:
        """Take over what the mailbox has; tell whether that was anything."""
        taken = self._box.take(self._chunk)
        if not taken:
            return False
        self._hand.extend(taken)
        self._taken = last_of(taken[-1])
        self._count(taken)
        return True

    def _count(self, items: Sequence[Item]) -> None:
        # Asked of all types at once: this is a part of what each delivery costs.
        gaps = [item for item in items if isinstance(item, Gap)] if Gap in map(type, items) else ()
        tally.add("consumed", self._box.patterns.template, len(items) - len(gaps))
        for gap in gaps:
            tally.add("gaps", gap.reason)

    def _wait(self, timeout: float | None) -> None:
        gate = threading.Lock()
        gate.acquire()
        waiter: Waiter = gate.release
        if self._box.wait(waiter):
            try:
                gate.acquire(timeout=-1 if timeout is None else timeout)
            finally:
                self._box.give_up(waiter)

    def _read(self) -> float:
        """Read a page of the log; return how long to wait before the next one."""
        with self._reading:  # a task that is cancelled leaves its reading behind
            return self._read_page()

    def _read_page(self) -> float:
        box = self._box
        if box.live or len(box):
            return 0.0  # what waits comes before what the log holds: it may have spilled a moment ago
        try:
            items = self._hub.engine.read(box.cursor, _PAGE)
        except EngineDown:
            self._again, pause = min(self._again * 2, _AGAIN_MOST_S), self._again
            return pause
        self._again = _AGAIN_S
        last = last_of_log(items[-1]) if items else box.cursor
        given = box.has_read(told(items, box), last, self._hand)
        if items or given:
            self._taken = box.cursor
            self._count(given)
            return 0.0
        return 0.0 if box.go_live(lambda: self._hub.head) else _CATCHING_UP_S

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        item = self.next_item()
        if item is None:
            raise StopIteration
        return item

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Item:
        # May be cancelled wherever it waits: nothing is in its hands alone then.
        while not self._hand and not self._fill():
            if self._box.closed and not len(self._box):
                raise StopAsyncIteration
            await self._wait_in_loop()
        return self._hand.popleft()

    async def _wait_in_loop(self) -> None:
        loop = asyncio.get_running_loop()
        if not self._box.live:
            pause = await loop.run_in_executor(None, self._read)
            if pause:
                await asyncio.sleep(pause)
            return
        future: asyncio.Future[None] = loop.create_future()
        waiter: Waiter = (loop, future)
        if self._box.wait(waiter):
            try:
                await future
            finally:
                self._box.give_up(waiter)

    def close(self) -> None:
        """End it: iterating stops behind what has come already. May be called twice, and from any thread."""
        self._forgotten.detach()
        dropped = self._box.newly_dropped()
        if dropped:
            tally.add("dropped", self._box.policy, dropped)
        self._hub.remove(self._box)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.close)  # the last one waits for whoever follows the log


def _forget(box: Mailbox) -> None:
    box.closed = True
