"""Sequence numbers that were skipped, and may still come: their transactions were not at their end.

PostgreSQL hands out numbers when a row is written and shows the row when its transaction commits, so a
smaller number may appear after a greater one; one that was rolled back never appears. A gap is given up once
no transaction is left that could fill it. The table's trigger takes the transaction's id before the row's
number, and a gap is stamped with a transaction id taken after it was seen: whoever holds the number has a
smaller id. When the oldest running transaction of a snapshot is not smaller than the stamp, that one has ended,
prepared ones included; if its row is not in that snapshot, it never will be.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from hashlib import sha256
from itertools import accumulate
from typing import Final, NamedTuple

MOST: Final = 1000
"""Gaps that are remembered; what comes of older ones is found by the sweep."""


class Gap(NamedTuple):
    """Numbers without a row.

    Attributes:
        first: The first of them.
        last: The last of them.
        stamp: A transaction id that is greater than that of whoever holds one of them.
    """

    first: int
    last: int
    stamp: int


def between(high: int, seqs: Iterable[int]) -> list[tuple[int, int]]:
    """Return the numbers above *high* that *seqs* (ascending, all above *high*) skip, as first and last."""
    found = []
    for seq in seqs:
        if seq > high + 1:
            found.append((high + 1, seq - 1))
        high = seq
    return found


def around(high: int, runs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the numbers above *high* that *runs* (first and last of each; any order) skip, as first and last."""
    found = []
    for first, last in sorted(runs):
        if first > high + 1:
            found.append((high + 1, first - 1))
        high = max(high, last)
    return found


def within(runs: Iterable[tuple[int, ...]], seqs: Iterable[int]) -> set[int]:
    """Return which of *seqs* lie in one of *runs*, which begin with first and last, such as gaps; any order."""
    known = sorted(runs)
    firsts = [run[0] for run in known]
    reach = list(accumulate((run[1] for run in known), max))
    return {seq for seq in seqs if (at := bisect_right(firsts, seq)) and reach[at - 1] >= seq}


def stamped(skipped: Iterable[tuple[int, int]], stamp: int) -> list[Gap]:
    """Return skipped numbers as gaps."""
    return [Gap(first, last, stamp) for first, last in skipped]


def without(gaps: Iterable[Gap], arrived: Sequence[int]) -> list[Gap]:
    """Return *gaps* without the numbers that have *arrived* (ascending)."""
    left = []
    for gap in gaps:
        first = gap.first
        for seq in arrived[bisect_left(arrived, gap.first) : bisect_right(arrived, gap.last)]:
            if seq > first:
                left.append(Gap(first, seq - 1, gap.stamp))
            first = seq + 1
        if first <= gap.last:
            left.append(Gap(first, gap.last, gap.stamp))
    return left


def open_at(gaps: Iterable[Gap], oldest: int) -> list[Gap]:
    """Return the gaps that may still be filled when the oldest running transaction is *oldest*."""
    return [gap for gap in gaps if gap.stamp > oldest]


def capped(gaps: Sequence[Gap]) -> list[Gap]:
    """Return the newest gaps, at most ``MOST``."""
    return sorted(gaps)[-MOST:]


def encode(gaps: Iterable[Gap]) -> str:
    """Return gaps as the JSON text that a seal row holds: ``[[first, last, stamp], ...]``."""
    return json.dumps([list(gap) for gap in gaps], separators=(",", ":"))


def state(high: int, text: str) -> bytes:
    """Return the hash by which a checkpoint signs what its seal says beside the tree.

    Without it, who owns the table could open a gap again that was given up, and the sealer would take in
    what is put there later as if it had been on its way.

    Args:
        high: Greatest sequence number seen.
        text: The gaps, encoded.
    """
    return sha256(f"{high}\n{text}".encode()).digest()


def decode(text: str) -> list[Gap]:
    """Return the gaps of a seal row.

    Raises:
        ValueError: The text holds none, or more than any sealer leaves.
    """
    try:
        found = [Gap(int(first), int(last), int(stamp)) for first, last, stamp in json.loads(text)]
    except (TypeError, OverflowError, RecursionError) as error:
        raise ValueError(f"no gaps: {str(text)[:80]!r}") from error
    if len(found) > MOST:
        raise ValueError(f"{len(found)} gaps; at most {MOST} are remembered")
    return found
