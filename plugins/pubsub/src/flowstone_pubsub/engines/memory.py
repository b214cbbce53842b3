"""The engine of one process: a bounded log in memory, delivered on the thread that publishes."""

from __future__ import annotations

import os
import threading
import weakref
from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from functools import partial
from time import time_ns
from typing import Final

from flowstone_pubsub.engines.base import Deliver, Item, Outgoing, Record, Retention
from flowstone_pubsub.message import Gap

_PREFIX: Final = "memory://"
# A call of the class itself costs a third more.
_record: Final = partial(tuple.__new__, Record)
_logs: Final[weakref.WeakValueDictionary[tuple[int, str], Log]] = weakref.WeakValueDictionary()
_making: Final = threading.Lock()


def connect(url: str, retention: Retention) -> MemoryEngine:
    """Return an engine on the process's log called ``NAME`` in ``memory://NAME``; it lives while an engine is open."""
    key = os.getpid(), url.removeprefix(_PREFIX).strip("/")
    with _making:
        log = _logs.get(key)
        if log is None:
            log = _logs[key] = Log(retention)
    return MemoryEngine(log)


class MemoryFollower:
    """One who hears of each record."""

    def __init__(self, log: Log, after: int, deliver: Deliver) -> None:
        self._log = log
        self.head = after
        self.deliver = deliver

    def close(self) -> None:
        """Deliver nothing more."""
        with self._log.lock:
            self._log.followers = [one for one in self._log.followers if one is not self]


class Log:
    """The records of a process.

    Attributes:
        lock: Held while records are numbered and delivered, so that all hear of them in one order.
        followers: Who hears of them.
    """

    def __init__(self, retention: Retention) -> None:
        self.lock = threading.RLock()
        self.followers: list[MemoryFollower] = []
        self._retention = retention
        self._records: deque[Record] = deque()
        self._added: deque[int] = deque()  # when: what happened long ago may be news
        self._ids: set[str] = set()
        self._newest = 0

    def append(self, batch: Sequence[Outgoing]) -> None:
        """Number *batch*, keep it, and deliver it."""
        with self.lock:
            made: list[Record] = []
            ids, number = self._ids, self._newest
            for one in batch:
                if one.id not in ids:
                    ids.add(one.id)
                    number += 1
                    made.append(_record((number, *one)))
            self._newest = number
            self._records.extend(made)
            self._added.extend([time_ns()] * len(made))
            self._prune()
            if made:
                for follower in self.followers:
                    follower.head = self._newest
                    follower.deliver(made)

    def _prune(self) -> None:
        oldest_kept = time_ns() - int(self._retention.age * 1e9)
        while self._records and (
            len(self._records) > self._retention.records or self._added[0] < oldest_kept
        ):
            self._ids.discard(self._records.popleft().id)
            self._added.popleft()

    def follow(self, after: int | None, deliver: Deliver) -> MemoryFollower:
        """Deliver what is behind *after*, then what comes."""
        with self.lock:
            follower = MemoryFollower(self, self._newest if after is None else after, deliver)
            if after is not None and (found := self.read(after, len(self._records) + 1)):
                follower.head = self._newest
                deliver(found)
            self.followers.append(follower)
        return follower

    def read(self, after: int, limit: int) -> list[Item]:
        """Return what is behind *after*."""
        with self.lock:
            found: list[Item] = []
            oldest, newest = self.bounds()
            if after > newest:
                found.append(Gap(after + 1, max(oldest - 1, 0), "engine"))
                after = max(oldest - 1, 0)
            elif oldest > after + 1:
                found.append(Gap(after + 1, oldest - 1, "retention"))
                after = oldest - 1
            begin = after + 1 - oldest
            found += (self._records[n] for n in range(begin, min(begin + limit, len(self._records))))
            return found[:limit]

    def before(self, moment: int) -> int:
        """Return the seq before the first record that was added at *moment* or later."""
        with self.lock:
            at = bisect_left(self._added, moment)
            return self._records[at].seq - 1 if at < len(self._records) else self._newest

    def bounds(self) -> tuple[int, int]:
        """Return the oldest and the newest seq."""
        with self.lock:
            oldest = self._records[0].seq if self._records else self._newest + 1
            return (oldest, self._newest) if self._newest else (0, 0)


class MemoryEngine:
    """An engine on a log of this process."""

    name = "memory"
    durable = False
    holds_objects = True  # nothing leaves the process: what nobody reads as bytes is not written as such

    def __init__(self, log: Log) -> None:
        self._log = log
        self._followers: list[MemoryFollower] = []

    def publish(self, batch: Sequence[Outgoing]) -> None:
        """Append *batch*; followers have it when this returns. Repetitions are told while the log holds the first."""
        self._log.append(batch)

    def follow(self, after: int | None, deliver: Deliver) -> MemoryFollower:
        """Deliver what is behind *after* now, then what comes, on the thread that publishes it."""
        follower = self._log.follow(after, deliver)
        self._followers.append(follower)
        return follower

    def read(self, after: int, limit: int) -> Sequence[Item]:
        """Return at most *limit* items behind *after*."""
        return self._log.read(after, limit)

    def bounds(self) -> tuple[int, int]:
        """Return the oldest and the newest seq."""
        return self._log.bounds()

    def before(self, moment: int) -> int:
        """Return the seq before the first record that was added at *moment* (Unix ns) or later."""
        return self._log.before(moment)

    def close(self) -> None:
        """End this engine's followers."""
        while self._followers:
            self._followers.pop().close()
