"""The export thread of one receiver: a bounded queue, batches, and exact accounts of what was lost."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Generic, TypeVar

from flowstone.runtime import queues, stats, threads
from flowstone.runtime.export.quiet import quietly, warn
from flowstone.runtime.export.sinks import Sink

Item = TypeVar("Item")


class Sender(Generic[Item]):
    """Sends items in batches from a daemon thread that starts with the first item.

    Items leave in order, so counting them is enough to know whether all up to some point are gone.

    Args:
        make: Makes what sends them. Called on the thread, because it imports what is dear to import.
        what: What they are called in the counters, such as ``spans``.
        delay: Seconds to gather a batch.
        batch: Items sent at once.
        limit: Items that wait at most; beyond it the oldest are dropped and counted.
    """

    def __init__(
        self,
        make: Callable[[], Sink[Item] | None],
        *,
        what: str = "spans",
        delay: float = 1.0,
        batch: int = 512,
        limit: int = 8192,
    ) -> None:
        self._make, self._what, self._delay, self._batch, self._limit = (
            make,
            what,
            delay,
            min(batch, limit),
            limit,
        )
        self.sink: Sink[Item] | None = None
        self._queue: deque[Item] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._taken_in = self._gone = self._sending = 0
        self._lost = 0  # since the last flush that reported it
        self._urgent_until = 0
        self._stopping = self._abandoned = False
        self._sent_at = 0.0
        queues.watch(self)

    def put(self, items: Sequence[Item]) -> None:
        """Queue *items*; never waits."""
        with self._changed:
            if self._stopping:
                stats.count(f"export.dropped.{self._what}", len(items))
                return
            self._queue.extend(items)
            self._taken_in += len(items)
            excess = len(self._queue) - self._limit
            for _ in range(excess):
                self._queue.popleft()
            if excess > 0:
                self._lose("dropped", excess)
                self._gone += excess
            if self._thread is None:
                self._start()
            elif len(self._queue) >= self._batch:
                self._changed.notify_all()

    def state(self) -> queues.QueueState:
        """Return how the queue stands."""
        waiting = len(self._queue) + self._sending
        return queues.QueueState(what=self._what, waiting=waiting, bound=self._limit, sent_at=self._sent_at)

    def hurry(self) -> None:
        """Send what is queued without gathering more; does not wait."""
        with self._changed:
            self._urgent_until = self._taken_in
            self._changed.notify_all()

    def flush(self, timeout: float) -> bool:
        """Send what is queued, wait at most *timeout* seconds; True if all since the last flush was taken."""
        deadline = monotonic() + timeout
        with self._changed:
            target = self._urgent_until = self._taken_in
            self._changed.notify_all()
            self._wait(lambda: self._gone >= target, deadline)
            complete = self._gone >= target and not self._lost
            self._lost = 0
            return complete

    def close(self, timeout: float) -> bool:
        """Flush, then end; what could not be sent within *timeout* seconds is counted as dropped."""
        deadline = monotonic() + timeout
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
            self._wait(lambda: self._gone >= self._taken_in, deadline)
            left = len(self._queue) + self._sending
            self._abandoned = left > 0
            self._queue.clear()
            if left:
                self._lose("dropped", left)
                self._gone += left
            complete = not self._lost
        closing = threads.start(self._close_sink, "flowstone-export-close")
        if closing is not None:  # else the end of the process closes the connections
            closing.join(max(0.0, min(deadline - monotonic(), 0.2)))
        return complete

    def _close_sink(self) -> None:
        with quietly():
            if self.sink is not None:
                _guarded(self.sink.close)

    def _wait(self, done: Callable[[], bool], deadline: float) -> None:
        """Wait for the thread to get there; where none could be started, do its work here."""
        if self._thread is not None:
            self._changed.wait_for(done, max(0.0, deadline - monotonic()))
            return
        with quietly():
            while self._queue and monotonic() < deadline:
                self._send_batch()

    def _start(self) -> None:
        """Have the thread; where it cannot be started the next item tries again, and a flush sends."""
        self._thread = threads.start(self._run, f"flowstone-export-{self._what}")

    def _run(self) -> None:
        with quietly(), self._changed:
            while not self._abandoned:
                if not self._queue:
                    if self._stopping:
                        return
                    self._changed.wait()
                    continue
                self._changed.wait_for(self._due, self._delay)
                if self._queue:
                    self._send_batch()

    def _due(self) -> bool:
        return len(self._queue) >= self._batch or self._stopping or self._gone < self._urgent_until

    def _send_batch(self) -> None:
        """Send one batch; called with the lock held, which it gives back meanwhile."""
        items = [self._queue.popleft() for _ in range(min(self._batch, len(self._queue)))]
        self._sending = len(items)
        self._changed.release()
        try:
            sent = _guarded(lambda: self._send(items))
        finally:
            self._changed.acquire()
        if self._abandoned:
            return
        self._sending = 0
        self._gone += len(items)
        if sent:
            self._sent_at = monotonic()
            stats.count(f"export.sent.{self._what}", len(items))
        else:
            self._lose("failed", len(items))
        self._changed.notify_all()

    def _send(self, items: Sequence[Item]) -> bool:
        if self.sink is None:
            self.sink = self._make()
        return self.sink is not None and self.sink.send(items)

    def _lose(self, how: str, count: int) -> None:
        self._lost += count
        stats.count(f"export.{how}.{self._what}", count)
        warn("%d %s could not be exported (%s); see flowstone.telemetry.dropped", count, self._what, how)


def _guarded(call: Callable[[], object]) -> bool:
    """Fault wall: whatever an exporter raises means that it failed."""
    try:
        return bool(call())
    except Exception as error:
        warn("the exporter raised %s: %s", type(error).__name__, error)
        return False
