"""The appending end of a process's spool: it counts entries, and keeps what the disk cannot take."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic, time_ns
from typing import Final

from flowstone.plugin import Event, count
from flowstone_audit.canonical import placed
from flowstone_audit.mapping import row_of
from flowstone_audit.row import Row
from flowstone_audit.spool import batch, folder, line
from flowstone_audit.spool.rows import encode
from flowstone_audit.spool.segment import Segment, head, synced

_SEGMENT_SIZE: Final = 4 << 20
_LONGEST: Final = 131_072
"""Bytes of a line of events; where they are more the line is divided, and an event of more becomes a row."""
_LOOK_EVERY_S: Final = 1.0
_AHEAD_US: Final = 1_000_000
"""How far a host's time may be ahead of ours: one wrong time must not carry all later entries along."""


Item = Event | Row
"""What is appended: a lifecycle event, or a row."""


class SpoolFull(OSError):
    """The spools of the home take all that they may."""


class Appender:
    """Appends to the segments of one process; one at a time, whatever thread.

    Args:
        home: The folder of the spools.
        writer: This process: ``host/pid/8 hex digits``.
        max_bytes: What all spools of the home may take together.
        now: Unix nanoseconds; tests bring their own.
        private: Keys of details that are held privately.

    Attributes:
        lock: Held while entries get their places.
        ordinal: The last one that was given.
        newest: Unix microseconds of the writer's latest entry.
    """

    def __init__(
        self,
        home: Path,
        writer: str,
        max_bytes: int,
        now: Callable[[], int] = time_ns,
        private: frozenset[str] = frozenset(),
    ) -> None:
        self.home, self.writer, self.stem = home, writer, folder.stem_of(writer)
        self.lock = threading.Lock()
        self.ordinal = 0
        self.newest = 0
        self.now = now
        self._max_bytes = max_bytes
        self._private = private
        self._most = min(_SEGMENT_SIZE, max_bytes // 4)
        self._segment: Segment | None = None
        self._retired: list[Segment] = []
        self._number = 0
        self._others = 0
        self._looked = float("-inf")

    @property
    def end(self) -> tuple[int, int]:
        """Number of the segment, and bytes of it, up to which there are entries; (0, 0) where there is none."""
        segment = self._segment
        return (0, 0) if segment is None else (self._number, segment.size)

    def placed(self, draft: Row) -> Row:
        """Return *draft* with its ordinal, time and hashes; the caller holds the lock."""
        self.newest = max(self.newest, min(draft.occurred_at, self.now() // 1000 + _AHEAD_US))
        self.ordinal += 1
        return placed(draft, self.ordinal, self.newest)

    def skip(self, lost: int) -> int:
        """Pass over the ordinals of entries that are lost; return the first of them."""
        with self.lock:
            self.ordinal += lost
            return self.ordinal - lost + 1

    def append(self, items: Sequence[Item]) -> int:
        """Append events and rows; return how many were taken, at least one.

        Args:
            items: In their order, not empty. Events, and rows whose ordinal is 0, get their places here.

        Raises:
            OSError: The disk is full or broken, or the budget used up; none was taken.
        """
        with self.lock:
            return self._write(items)

    def sync(self) -> None:
        """Wait until all that was appended before is on the disk; others may append meanwhile.

        Raises:
            OSError: It cannot be known to be; the next entry begins another segment.
        """
        with self.lock:
            segments = [*self._retired, *([self._segment] if self._segment else [])]
            copies = [os.dup(one.descriptor) for one in segments]
        try:
            for copy in copies:
                synced(copy)
        except OSError:
            with self.lock:
                self._retire()
            raise
        finally:
            for copy in copies:
                os.close(copy)
        self.tidy()

    def tidy(self) -> None:
        """Let go of segments that are full."""
        with self.lock:
            retired, self._retired = self._retired, []
        for one in retired:
            one.close()

    def close(self) -> None:
        """Close the segment; the next entry begins another."""
        with self.lock:
            self._retire()
        self.tidy()

    def abandon(self) -> None:
        """Let go of what a forked child has of its parent's."""
        for one in [*self._retired, *([self._segment] if self._segment else [])]:
            one.abandon()

    def _write(self, items: Sequence[Item]) -> int:
        latest = self.now() // 1000 + _AHEAD_US
        before = self.ordinal, self.newest
        lines: list[bytes] = []
        held: list[int] = []
        reached = size = 0
        while reached < len(items) and size <= self._most:
            made, entries = self._line(items, reached, latest)
            lines.append(made)
            held.append(entries)
            reached += entries
            size += len(made)
        try:
            whole = self._opened(size).append(lines)
        except OSError:
            self.ordinal, self.newest = before
            self._retire()
            raise
        taken = sum(held[:whole])
        if taken < reached:
            left = items[taken:reached]
            self.ordinal -= sum(1 for item in left if not (isinstance(item, Row) and item.ordinal))
            self._retire()
            if not taken:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.home))
        return taken

    def _line(self, items: Sequence[Item], begin: int, latest: int) -> tuple[bytes, int]:
        """Return the next line, and how many of *items* it holds."""
        first = items[begin]
        if isinstance(first, Row):
            return self._row(first if first.ordinal else self.placed(first)), 1
        events: list[Event] = []
        for item in items[begin : begin + batch.MOST]:
            if isinstance(item, Row):
                break
            events.append(item)
        while (payload := _encoded(events, latest)) is None or len(payload) > _LONGEST:
            if len(events) == 1:
                return self._alone(events[0], payload is not None), 1
            events = events[: len(events) // 2]
        begun = batch.newest(events[:1], self.newest, latest)
        made = line.write(line.EVENTS, self.ordinal + 1, begun, payload, len(events))
        self.ordinal += len(events)
        self.newest = batch.newest(events, self.newest, latest)
        return made, len(events)

    def _alone(self, event: Event, encodable: bool) -> bytes:
        """Return the line of an event that is too long for its kind; none, and a gap, for one that has no JSON form."""
        if encodable:
            return self._row(self.placed(row_of(event, 0, self.writer, private=self._private)))
        count("audit.unencodable")
        self.ordinal += 1
        return b""

    def _row(self, row: Row) -> bytes:
        return line.write(line.ROW, row.ordinal, row.occurred_at, encode(row))

    def _opened(self, size: int) -> Segment:
        segment = self._segment
        if segment is not None and segment.size + size > self._most and segment.size > self._most // 2:
            self._retire()
        self._reserve(size if self._segment is not None else size + len(head(self.writer)))
        if self._segment is None:
            self._number += 1
            self._segment = Segment(folder.segment_path(self.home, self.stem, self._number), self.writer)
        return self._segment

    def _reserve(self, size: int) -> None:
        now = monotonic()
        if now - self._looked > _LOOK_EVERY_S:
            self._looked = now
            self._others = folder.look(self.home).size
        self._others += size
        if self._others > self._max_bytes:
            raise SpoolFull(
                errno.EDQUOT, f"the spools take more than {self._max_bytes} bytes", str(self.home)
            )

    def _retire(self) -> None:
        segment, self._segment = self._segment, None
        if segment is not None:
            self._retired.append(segment)


def _encoded(events: Sequence[Event], latest: int) -> bytes | None:
    """Return the payload of a line; None where one of the events has no JSON form."""
    try:
        return batch.encode(events, latest)
    except TypeError:  # none from the drain: somebody else's
        return None
