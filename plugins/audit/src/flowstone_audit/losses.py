"""What could not be kept: in memory for a while, then lost, counted and told."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from flowstone.plugin import NO_TRACE, count, emit, encode_many
from flowstone_audit import entries
from flowstone_audit.details import text_of
from flowstone_audit.events import AuditGap
from flowstone_audit.policy import Failures
from flowstone_audit.row import Row
from flowstone_audit.spool.appender import Appender, Item, entries_of
from flowstone_audit.spool.batch import Batch
from flowstone_audit.spool.rows import encode

MOST_BYTES: Final = 8 << 20
_MOST_PIECES: Final = 64
_WAIT_S: Final = 0.1  # for another thread that sorts; over at once, unless that is the one we came upon


class Lost(NamedTuple):
    """Entries that were lost one after the other.

    Attributes:
        first: The ordinal of the first that is missing.
        last: That of the last.
        entries: How many they are.
        reason: Why the last was lost.
    """

    first: int
    last: int
    entries: int
    reason: str

    def and_then(self, other: Lost) -> Lost:
        """Return both as one."""
        first, last = min(self.first, other.first), max(self.last, other.last)
        return Lost(first, last, self.entries + other.entries, other.reason)


class Losses:
    """Entries that the spool did not take.

    Whoever logs may have come upon the very thread that is in here, in a signal handler or a destructor, so holding
    and dropping wait for no lock: what comes is left in queues, which whoever gets the lock sorts in.

    Args:
        spool: Where they should be.
        failures: What becomes of them.
    """

    def __init__(self, spool: Appender, failures: Failures) -> None:
        self._spool = spool
        self._failures = failures
        self._coming: deque[tuple[Item, int]] = deque()
        self._held: deque[tuple[Item, int]] = deque()
        self._bytes = 0
        self._reason = ""
        self._lost: deque[Lost] = deque()
        self._untold: list[Lost] = []
        self._lock = threading.Lock()

    @property
    def held(self) -> bool:
        """Whether entries wait in memory."""
        return bool(self._held or self._coming)

    @property
    def waiting(self) -> int:
        """How many entries are held."""
        return sum(entries_of(item) for item, _ in (*self._held, *self._coming))

    def take(self, items: Sequence[Item], reason: str) -> None:
        """Hold *items*, or let go of those of their events where the policy says so."""
        count("audit.spool.failed")
        kept = [one for one in map(self._kept, items) if one is not None]
        dropped = sum(map(entries_of, items)) - sum(map(entries_of, kept))
        if dropped:
            self.drop(dropped, reason)
        self.hold(kept, reason)

    def hold(self, items: Sequence[Item], reason: str) -> None:
        """Hold *items* in memory, to be tried again; beyond what may be held, the oldest are lost."""
        self._coming.extend(
            [(one, len(one.data if isinstance(one, Batch) else encode(one))) for one in items]
        )
        self._reason = reason
        self._sort(0)

    def release(self) -> list[Item]:
        """Return what waits, oldest first, to be tried again."""
        self._sort(_WAIT_S)
        if not self._lock.acquire(timeout=_WAIT_S):
            return []
        try:
            held, self._held, self._bytes = self._held, deque(), 0
        finally:
            self._lock.release()
        return [item for item, _ in held]

    def drop(self, lost: int, reason: str) -> None:
        """Count entries as lost; their ordinals are passed over, so that the gap shows."""
        count("audit.dropped", lost)
        first = self._spool.skip(lost)
        self._lost.append(Lost(first, first + lost - 1, lost, reason))
        self._sort(0)
        emit(AuditGap, NO_TRACE, count=lost, reason=reason)

    def tell(self) -> None:
        """Append what was lost since the last time, an entry for what was lost in one piece.

        Raises:
            OSError: The spool does not take them; they are told the next time.
        """
        if not self._lost and not self._untold:
            return
        self._sort(_WAIT_S)
        if not self._lock.acquire(timeout=_WAIT_S):
            return
        try:
            untold, self._untold = self._untold, []
        finally:
            self._lock.release()
        try:
            while untold:
                del untold[: self._spool.append([self._gap(one) for one in untold])]
        finally:
            self._lost.extend(untold)

    def _gap(self, lost: Lost) -> Row:
        told = {
            "count": lost.entries,
            "first_ordinal": lost.first,
            "last_ordinal": lost.last,
            "reason": lost.reason,
        }
        return gap_row(self._spool.writer, told, self._spool.now())

    def _kept(self, item: Item) -> Item | None:
        """Return what the policy keeps of an item."""
        if isinstance(item, Row):
            return None if self._drops(item.event_type) else item
        kept = [event for event in item.events if not self._drops(event.name)]
        if len(kept) == len(item.events):
            return item
        return Batch(kept, encode_many(kept)) if kept else None

    def _drops(self, name: str) -> bool:
        return self._failures.of(name, waiting=False) == "drop"

    def _sort(self, wait: float) -> None:
        """Sort in what has come, and let go of what is too much."""
        if not self._lock.acquire(timeout=wait):
            return  # whoever sorts takes ours, too
        over = 0
        try:
            while self._coming:
                self._held.append(self._coming.popleft())
                self._bytes += self._held[-1][1]
            while self._bytes > MOST_BYTES:
                oldest, size = self._held.popleft()
                self._bytes -= size
                over += entries_of(oldest)
            while self._lost:
                one = self._lost.popleft()
                last = self._untold[-1] if self._untold else None
                if last is not None and (one.first == last.last + 1 or len(self._untold) >= _MOST_PIECES):
                    self._untold[-1] = last.and_then(one)
                else:
                    self._untold.append(one)
        finally:
            self._lock.release()
        if over:
            self.drop(over, self._reason)


def gap_row(writer: str, told: dict[str, object], now: int, id: bytes | None = None) -> Row:
    """Return the draft of an ``audit.gap`` entry.

    Args:
        writer: Whose entries are lost.
        told: What is known of them.
        now: Unix nanoseconds.
        id: 16 bytes, where several may find the same loss.
    """
    return entries.BLANK._replace(
        id=id or entries.new_id(now),
        event_type="audit.gap",
        actor_id="flowstone",
        actor_type="system",
        writer=writer,
        occurred_at=now // 1000,
        details=text_of(told),
        resource_type="writer",
        resource_id=writer,
        action="gap",
        outcome="failure",
    )
