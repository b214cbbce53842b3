"""What could not be kept: in memory for a while, then lost, counted and told."""

from __future__ import annotations

from collections import deque
from typing import Final

from flowstone.plugin import NO_TRACE, count, emit, encode_many
from flowstone_audit import entries
from flowstone_audit.details import text_of
from flowstone_audit.events import AuditGap
from flowstone_audit.policy import Failures
from flowstone_audit.row import Row
from flowstone_audit.spool.appender import Appender
from flowstone_audit.spool.batch import Batch

MOST_BYTES: Final = 8 << 20


class Losses:
    """Entries that the spool did not take.

    Args:
        spool: Where they should be.
        failures: What becomes of them.

    Attributes:
        held: Those that wait in memory, oldest first.
    """

    def __init__(self, spool: Appender, failures: Failures) -> None:
        self._spool = spool
        self._failures = failures
        self.held: deque[Batch] = deque()
        self._bytes = 0
        self._lost = 0
        self._first = 0
        self._reason = ""

    @property
    def waiting(self) -> int:
        """How many events are held."""
        return sum(len(batch.events) for batch in tuple(self.held))

    def take(self, batches: list[Batch], reason: str) -> None:
        """Hold *batches*, or let go of those of their events where the policy says so."""
        count("audit.spool.failed")
        dropped = 0
        for batch in batches:
            kept = [event for event in batch.events if self._failures.of(event.name, waiting=False) != "drop"]
            dropped += len(batch.events) - len(kept)
            if kept:
                held = batch if len(kept) == len(batch.events) else Batch(kept, encode_many(kept))
                self.held.append(held)
                self._bytes += len(held.data)
            while self._bytes > MOST_BYTES:
                oldest = self.held.popleft()
                self._bytes -= len(oldest.data)
                dropped += len(oldest.events)
        if dropped:
            self.drop(dropped, reason)

    def release(self) -> list[Batch]:
        """Return what waits, to be tried again."""
        held, self.held, self._bytes = list(self.held), deque(), 0
        return held

    def drop(self, lost: int, reason: str) -> None:
        """Count entries as lost; their ordinals are passed over, so that the gap shows."""
        count("audit.dropped", lost)
        first = self._spool.skip(lost)
        self._first = self._first or first
        self._lost += lost
        self._reason = reason
        emit(AuditGap, NO_TRACE, count=lost, reason=reason)

    def gap(self) -> Row | None:
        """Return the entry that tells of what was lost since the last one, if anything was."""
        if not self._lost:
            return None
        told = {"count": self._lost, "first_ordinal": self._first, "last_ordinal": self._spool.ordinal}
        return gap_row(self._spool.writer, {**told, "reason": self._reason}, self._spool.now())

    def told(self) -> None:
        """Forget what the log tells now."""
        self._lost = self._first = 0


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
