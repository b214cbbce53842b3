"""Making what is published in tests, and gathering what comes."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Sequence
from time import monotonic, time_ns

from flowstone_pubsub.engines.base import Engine, EngineDown, Item, Outgoing, Record
from flowstone_pubsub.envelope import encode_payload
from flowstone_pubsub.message import Gap


def outgoing(payload: object, *topics: str, id: str | None = None, at: int | None = None) -> Outgoing:
    """Return *payload* as it goes into a log, under *topics* (``numbers`` where none is given)."""
    id = id or os.urandom(16).hex()
    at = time_ns() if at is None else at
    return Outgoing(
        id, at, topics or ("numbers",), encode_payload(payload, id, at, (topics or ("numbers",))[0])
    )


class Gathered:
    """A ``deliver`` that keeps all it is given, and lets tests wait for it."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.threads: set[int] = set()
        self._more = threading.Condition()

    def __call__(self, items: Sequence[Item]) -> None:
        """Take a delivery."""
        with self._more:
            self.threads.add(threading.get_ident())
            self.items.extend(items)
            self._more.notify_all()

    @property
    def records(self) -> list[Record]:
        """The records so far."""
        return [item for item in self.items if isinstance(item, Record)]

    @property
    def seqs(self) -> list[int]:
        """Their places in the log."""
        return [record.seq for record in self.records]

    def wait(self, count: int, timeout: float) -> list[Record]:
        """Return the records when there are *count*, or when *timeout* seconds are over."""
        deadline = monotonic() + timeout
        with self._more:
            while len(self.records) < count and (left := deadline - monotonic()) > 0:
                self._more.wait(left)
        return self.records

    def wait_for(self, seq: int, timeout: float) -> list[Item]:
        """Return all items when *seq* is covered, or when *timeout* seconds are over."""
        deadline = monotonic() + timeout
        with self._more:
            while covered(self.items) < seq and (left := deadline - monotonic()) > 0:
                self._more.wait(left)
        return list(self.items)


def covered(items: Sequence[Item]) -> int:
    """Return the last seq that *items* cover; 0 where there are none."""
    if not items:
        return 0
    last = items[-1]
    return last.last if isinstance(last, Gap) else last.seq


def holes(items: Iterable[Item], after: int) -> list[str]:
    """Return what is wrong with the numbers of *items*, which shall begin behind *after*; empty if nothing is."""
    wrong = []
    for item in items:
        first, last = (item.first, item.last) if isinstance(item, Gap) else (item.seq, item.seq)
        if first != after + 1:
            wrong.append(f"after {after} came {first}")
        after = last
    return wrong


def read_all(engine: Engine, after: int = 0, limit: int = 256) -> list[Item]:
    """Return all that *engine* has behind *after*, read page by page."""
    found: list[Item] = []
    while page := engine.read(after, limit):
        found.extend(page)
        after = covered(page)
    return found


def publish_patiently(engine: Engine, batch: Sequence[Outgoing], timeout: float) -> None:
    """Publish, again and again until it is done or *timeout* seconds are over.

    Raises:
        EngineDown: The engine stayed down.
    """
    deadline = monotonic() + timeout
    while True:
        try:
            engine.publish(batch)
            return
        except EngineDown:
            if monotonic() > deadline:
                raise
            time.sleep(0.05)
