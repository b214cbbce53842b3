"""What followers of servers have in common: going on behind the last record, and noticing that the log is another."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from flowstone_pubsub.engines.base import Deliver, Item, Record
from flowstone_pubsub.message import Gap


class Continuing:
    """Hands over each number once, as a record or in a gap.

    Attributes:
        head: The last seq that was delivered.
    """

    def __init__(self, after: int, deliver: Deliver) -> None:
        self.head = after
        self._deliver = deliver
        self._last_id = ""
        self._log = ""
        self._closed = False
        self._lock = threading.RLock()  # held while delivering; ``deliver`` may close

    def resume(self, log: str, oldest: int, newest: int) -> None:
        """Take note of the log that was found, before anything of it is taken.

        Args:
            log: What tells it from its predecessors and successors; empty where there is none.
            oldest: Its oldest seq.
            newest: Its newest seq.
        """
        if (self._log and log != self._log) or newest < self.head:
            self._begin_anew(oldest)
        elif newest and oldest > self.head + 1:
            self._hand_over([Gap(self.head + 1, oldest - 1, "retention")])
        self._log = log

    def resume_at(self, oldest: int, newest: int) -> int:
        """Return the seq to read from: that of the last record once more, where it can be compared."""
        known = self._last_id and oldest <= self.head <= newest
        return self.head if known else self.head + 1

    def take(self, records: Sequence[Record]) -> bool:
        """Hand over *records*; False where the log turns out to be another: resume, and read on from ``head``."""
        if records and records[0].seq == self.head and self._last_id:
            if records[0].id != self._last_id:
                # A server that lost its newest records, in a crash or by failing over, gave their numbers to others.
                self._begin_anew(1)
                return False
            records = records[1:]
        if records:
            self._last_id = records[-1].id
            self._hand_over(filled(records, self.head))
        return True

    def _begin_anew(self, oldest: int) -> None:
        self._last_id = ""
        self._hand_over([Gap(self.head + 1, max(oldest - 1, 0), "engine")])

    def _hand_over(self, items: list[Item]) -> None:
        with self._lock:
            if self._closed:
                return
            last = items[-1]
            self.head = last.last if isinstance(last, Gap) else last.seq
            self._deliver(items)

    def close(self) -> None:
        """Deliver nothing more; returns when no delivery is under way."""
        with self._lock:
            self._closed = True


def filled(records: Sequence[Record], after: int) -> list[Item]:
    """Return *records* with gaps where numbers behind *after* are missing."""
    found: list[Item] = []
    for record in records:
        if record.seq != after + 1:
            found.append(Gap(after + 1, record.seq - 1, "retention"))
        found.append(record)
        after = record.seq
    return found


def page(records: Sequence[Record], after: int, bounds: tuple[int, int], limit: int) -> list[Item]:
    """Return what ``Engine.read`` gives for *records*, which are those behind *after* in a log of these *bounds*."""
    oldest, newest = bounds
    found: list[Item] = []
    if after > newest:
        found.append(Gap(after + 1, max(oldest - 1, 0), "engine"))
        after = max(oldest - 1, 0)
    elif newest and oldest > after + 1:
        found.append(Gap(after + 1, oldest - 1, "retention"))
        after = oldest - 1
    found += filled(records, after)
    return found[:limit]


def begin_of(after: int, bounds: tuple[int, int]) -> int:
    """Return the seq from which the records behind *after* are to be read."""
    oldest, newest = bounds
    return max(oldest, 1) if after > newest else max(after + 1, oldest)
