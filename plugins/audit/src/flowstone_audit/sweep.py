"""Finds rows that no seal has and no gap waits for: late ones. They are sealed late, and counted.

That takes a gap given up too early (more than ``gaps.MOST`` of them), or a row written past the guards.
"""

from __future__ import annotations

import os
import struct
from time import monotonic, sleep
from typing import Final

from sqlalchemy import Connection, func, select, text

from flowstone_audit import heads
from flowstone_audit.gaps import Gap
from flowstone_audit.harvest import PAUSE_S, Late
from flowstone_audit.tables import floor, seal

EVERY_S: Final = 600.0
SPAN: Final = 1_000_000
"""Leaves that the sweep of the background looks back."""
MOST: Final = 500
"""Rows that one sweep finds, at most."""

_WINDOW: Final = 65_536
_COUNT: Final = text("SELECT count(*) FROM flowstone_audit_log WHERE seq > :low AND seq <= :high")
_NUMBERS: Final = text("SELECT seq FROM flowstone_audit_log WHERE seq > :low AND seq <= :high ORDER BY seq")

_due: dict[int, float] = {}  # by pid: when the next one is due


def when_due(connection: Connection, swept: bool | None) -> Late | None:
    """Sweep if told to (then over everything), or, if *swept* is None, where the last time is long ago."""
    if swept is None:
        pid, now = os.getpid(), monotonic()
        due = _due.setdefault(pid, now + EVERY_S)
        if now < due:
            return None
        _due[pid] = now + EVERY_S
    elif not swept:
        return None
    with connection.begin():
        return find(connection, SPAN if swept is None else None)


def find(connection: Connection, span: int | None = None) -> Late | None:
    """Return the committed rows up to the last seal's ``high`` that no seal has; None if there are none.

    Memory: a byte for each sequence number looked at. Rows and leaves are compared by number first, window by
    window; only where they differ, or where rows may have been deleted, row by row.

    Args:
        connection: To read with.
        span: So many of the newest leaves; all if not given.
    """
    head = heads.last(connection)
    start, low = _beginning(connection, head.size, span)
    sealed = _sealed(connection, start, head.size, low, head.high)
    pruned = connection.execute(select(func.max(floor.c.through_seq))).scalar() or 0
    found: list[int] = []
    for at in range(low, head.high, _WINDOW):
        window = {"low": at, "high": min(at + _WINDOW, head.high)}
        marks = sealed[at - low : window["high"] - low]
        if at < pruned or connection.execute(_COUNT, window).scalar_one() != marks.count(1):
            rows = connection.execute(_NUMBERS, window).scalars().all()
            found += (seq for seq in rows if not marks[seq - at - 1])
        if len(found) > MOST:
            break
        sleep(PAUSE_S)
    late = [seq for seq in found if not _waited_for(head.gaps, seq)][:MOST]
    return Late(head.size, tuple(late)) if late else None


def _beginning(connection: Connection, size: int, span: int | None) -> tuple[int, int]:
    """Return the first leaf to look at, and a sequence number that no leaf before it exceeds."""
    before = heads.seal_of_leaf(connection, size - span) if span is not None and span < size else None
    return (0, 0) if before is None else (before.first + before.leaves, before.high)


def _sealed(connection: Connection, start: int, size: int, low: int, high: int) -> bytearray:
    """Return a byte for each number above *low* up to *high*: 1 where a leaf from *start* on has it."""
    marks = bytearray(high - low)
    wanted = select(seal.c.seqs).where(seal.c.first_leaf >= start, seal.c.first_leaf < size)
    for (packed,) in connection.execute(wanted.order_by(seal.c.first_leaf).execution_options(yield_per=16)):
        seqs = struct.unpack(f">{len(packed) // 8}Q", packed)
        if seqs[0] > low and seqs[-1] - seqs[0] == len(seqs) - 1:
            marks[seqs[0] - low - 1 : seqs[-1] - low] = b"\1" * len(seqs)
        else:
            for seq in seqs:
                if low < seq <= high:
                    marks[seq - low - 1] = 1
        sleep(PAUSE_S)
    return marks


def _waited_for(gaps: list[Gap], seq: int) -> bool:
    return any(gap.first <= seq <= gap.last for gap in gaps)
