"""The appending end of a process's spool: it counts entries, and keeps what the disk cannot take."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic, time_ns
from typing import Final

from flowstone.plugin import count
from flowstone_audit.canonical import placed
from flowstone_audit.row import Row
from flowstone_audit.spool import folder, line, own, thread_locks
from flowstone_audit.spool.batch import Batch, payload_of
from flowstone_audit.spool.rows import encode
from flowstone_audit.spool.segment import Segment, head, synced

_SEGMENT_SIZE: Final = 4 << 20
_LOOK_EVERY_S: Final = 1.0
_AHEAD_US: Final = 1_000_000
"""How far a host's time may be ahead of ours: one wrong time must not carry all later entries along."""


Item = Batch | Row
"""What is appended: lifecycle events, or a row."""


class SpoolFull(OSError):
    """The spools of the home take all that they may."""


class Appender:
    """Appends to the segments of one process; one at a time, whatever thread.

    Args:
        home: The folder of the spools.
        writer: This process: ``host/pid/8 hex digits``.
        max_bytes: What all spools of the home may take together.
        now: Unix nanoseconds; tests bring their own.

    Attributes:
        lock: Held while entries get their places; whoever holds it may append as well.
        ordinal: The last one that was given.
        newest: Unix microseconds of the writer's latest entry.
        trouble: When the disk last refused (monotonic seconds), and why; None once it has taken something again.
    """

    def __init__(self, home: Path, writer: str, max_bytes: int, now: Callable[[], int] = time_ns) -> None:
        self.home, self.writer, self.stem = home, writer, folder.stem_of(writer)
        self.lock = thread_locks.make()
        self.ordinal = 0
        self.newest = 0
        self.trouble: tuple[float, str] | None = None
        self.now = now
        self._max_bytes = max_bytes
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
        """Append batches and rows; return how many were taken, at least one.

        Args:
            items: In their order, not empty. Batches, and rows whose ordinal is 0, get their places here.

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
            self.restore()
        except OSError as error:
            with self.lock:
                self._failed(error)
                self._retire()
            raise
        finally:
            for copy in copies:
                os.close(copy)
        self.tidy()

    def restore(self) -> None:
        """Begin another segment with what this one held, where somebody removed its file or its folder.

        Raises:
            OSError: It cannot be known, or not be done now; what it held is not given up.
        """
        with self.lock:
            if self._segment is not None and not self._segment.is_there():
                self._again(self._segment)

    def tidy(self) -> None:
        """Let go of segments that are full, and see that the one in use is in its place."""
        with suppress(OSError):  # tried again by whoever appends
            self.restore()
        with self.lock:
            retired, self._retired = self._retired, []
        for one in retired:
            one.close()

    def close(self) -> None:
        """Close the segment; the next entry begins another."""
        with self.lock:
            with suppress(OSError):
                self.restore()
            self._retire()
            gone, self._segment = self._segment, None
            if gone is not None:  # its file was removed, and no other can be made: it ends with us
                count("audit.dropped", sum(map(line.entries_of, self._left(gone))))
                self._retired.append(gone)
        self.tidy()

    def abandon(self) -> None:
        """Let go of what a forked child has of its parent's."""
        for one in [*self._retired, *([self._segment] if self._segment else [])]:
            one.abandon()

    def _write(self, items: Sequence[Item]) -> int:
        latest = self.now() // 1000 + _AHEAD_US
        before = self.ordinal, self.newest
        lines: list[bytes] = []
        size = 0
        for item in items:
            lines.append(self._line(item, latest))
            size += len(lines[-1])
            if size > self._most:
                break
        try:
            whole = self._opened(size).append(lines)
        except OSError as error:
            self.ordinal, self.newest = before
            self._failed(error)
            self._retire()
            raise
        if whole < len(lines):
            self.ordinal -= sum(map(_new, items[whole : len(lines)]))
            self._retire()
            if not whole:
                full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.home))
                self._failed(full)
                raise full
        self.trouble = None
        return whole

    def _failed(self, error: OSError) -> None:
        self.trouble = monotonic(), error.strerror or str(error)

    def _line(self, item: Item, latest: int) -> bytes:
        if isinstance(item, Row):
            row = item if item.ordinal else self.placed(item)
            return line.write(line.ROW, row.ordinal, row.occurred_at, encode(row))
        begun, entries = item.begun(self.newest, latest), len(item.events)
        made = line.write(line.EVENTS, self.ordinal + 1, begun, payload_of(item, latest), entries)
        self.ordinal += entries
        self.newest = item.newest(begun, latest)
        return made

    def _opened(self, size: int) -> Segment:
        segment = self._segment
        if segment is not None and not segment.has_name():
            segment = self._again(segment)
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

    def _again(self, gone: Segment) -> Segment:
        """Begin another segment with what the database has not of one that nobody but us can read any more."""
        path = folder.segment_path(self.home, self.stem, self._number + 1)
        made = Segment(path, self.writer, self._left(gone))
        self._number += 1
        self._segment = made
        gone.close()
        count("audit.spool.removed")
        return made

    def _left(self, segment: Segment) -> list[bytes]:
        """Return the lines of the segment in use that the database is not known to have."""
        mine = own.of(self.stem)
        at = (0, 0) if mine is None else mine.claim.reached
        return segment.lines(at[1] if at[0] == self._number else 0)

    def _retire(self) -> None:
        """Let the next entry begin another segment; one whose file was removed stays, for it has to be restored."""
        segment = self._segment
        if segment is not None and segment.has_name():
            self._segment = None
            self._retired.append(segment)


def entries_of(item: Item) -> int:
    """Return how many entries an item is."""
    return 1 if isinstance(item, Row) else len(item.events)


def _new(item: Item) -> int:
    """Return how many places an item was given."""
    return 0 if isinstance(item, Row) and item.ordinal else entries_of(item)
