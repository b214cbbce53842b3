"""Entries held against the leaves of their seals."""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import repeat
from operator import lt
from typing import Any, Final

from flowstone_audit import gaps
from flowstone_audit.tree.hashing import SIZE
from flowstone_audit.verifying import kinds
from flowstone_audit.verifying.dates import Dates
from flowstone_audit.verifying.source import ERASED, Content, Source

_LEAF: Final = struct.Struct(f">c{SIZE}sQQ").pack


@dataclass(slots=True)
class Compared:
    """What came of holding a range of entries against leaves.

    Attributes:
        entries: How many had their leaf.
        bad: Numbers of those that differ, or that no fast look could clear.
        missing: Numbers whose entries are gone.
        loose: Numbers of entries that no leaf of the range is of.
        holes: First and last of numbers that no entry has, where nothing is sealed yet.
        erased: How many were erased by the rules.
        dates: How they are dated.
        kinds: What `kinds.counted` says of the entries of the range.
    """

    entries: int = 0
    bad: list[int] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    loose: list[int] = field(default_factory=list)
    holes: list[tuple[int, int]] = field(default_factory=list)
    erased: int = 0
    dates: Dates = field(default_factory=Dates)
    kinds: Counter[int] = field(default_factory=Counter)


def compare(
    source: Source, low: int, high: int, seqs: Sequence[int], leaves: Sequence[bytes], through: int
) -> Compared:
    """Hold the entries with ``low < seq <= high``, and those of *seqs* below, against *leaves*.

    Args:
        source: To read with, in a snapshot.
        low: Where the range begins.
        high: Where it ends.
        seqs: The numbers that the seals name; any order.
        leaves: Their leaf hashes.
        through: Up to which number kinds are counted.
    """
    found = Compared()
    ascend = all(map(lt, seqs, seqs[1:]))
    if not ascend:
        order = sorted(range(len(seqs)), key=seqs.__getitem__)
        seqs, leaves = [seqs[at] for at in order], [leaves[at] for at in order]
    begin, end = bisect_right(seqs, low), bisect_right(seqs, high)
    strays = [*range(begin), *range(end, len(seqs))]  # late ones, and what an altered seal names
    if strays:
        named = source.contents_of([seqs[at] for at in strays])
        _chunk(found, named, [seqs[at] for at in strays], [leaves[at] for at in strays])
    while ascend and source.bunched and begin < end:
        until = min(begin + source.bunched, end)
        some, its, last = seqs[begin:until], leaves[begin:until], seqs[until - 1]
        consecutive, whole = last - low == len(some), last <= through or low >= through
        if not (consecutive and whole and _bunch(found, source, some, its, counts=last <= through)):
            _one_by_one(found, source, low, last, some, its, through)
        low, begin = last, until
    _one_by_one(found, source, low, high, seqs[begin:end], leaves[begin:end], through)
    return found


def _bunch(
    found: Compared, source: Source, seqs: Sequence[int], leaves: Sequence[bytes], *, counts: bool
) -> bool:
    """Take in entries whose numbers follow one another, read in one, if all of them are what was sealed."""
    some = source.bunch(seqs[0] - 1, seqs[-1])
    if (
        some is None
        or some.seqs != list(seqs)
        or not _are_sealed(some.canonical, some.row_hashes, some.moments, seqs, leaves)
        or not all(_is_well(private) for _, private in some.private)
    ):
        return False
    found.entries += len(seqs)
    found.erased += sum(private == ERASED for _, private in some.private)
    found.dates.take(seqs, some.moments)
    if counts:
        found.kinds.update(kinds.counted(some.kinds))
    return True


def _one_by_one(
    found: Compared,
    source: Source,
    low: int,
    high: int,
    seqs: Sequence[int],
    leaves: Sequence[bytes],
    through: int,
) -> None:
    """Take in the entries with ``low < seq <= high``, and the leaves that lie there; both ascending."""
    at = 0
    for some in source.contents(low, high):
        until = bisect_right(seqs, some[-1][0], at)
        _chunk(found, some, seqs[at:until], leaves[at:until])
        known = set(found.bad) if found.bad else ()
        _dated(found, [row for row in some if row[0] not in known] if known else some)
        _count(found, some, through)
        at = until
    found.missing += seqs[at:]


def check_alone(source: Source, low: int, high: int, through: int = 0) -> Compared:
    """Hold entries that no seal has yet against their own hashes; ``entries`` counts them, ``kinds`` up to *through*."""
    found = Compared()
    for some in source.contents(low, high):
        hashes = _hashes(some)
        found.holes += gaps.between(low, [row[0] for row in some])
        low = some[-1][0]
        found.entries += len(some)
        found.bad += [
            row[0] for row, made in zip(some, hashes, strict=True) if made != row[2] or not _is_placed(row)
        ]
        _private(found, some)
        _dated(found, some)
        _count(found, some, through)
    return found


def _dated(found: Compared, some: list[Content]) -> None:
    found.dates.take([row[0] for row in some], [row[1] for row in some])


def _count(found: Compared, some: list[Content], through: int) -> None:
    if some[0][0] <= through:
        found.kinds.update(kinds.counted(sum(row[5] for row in some if row[0] <= through)))


def _chunk(found: Compared, some: list[Content], seqs: Sequence[int], leaves: Sequence[bytes]) -> None:
    """Take in a list of entries, and the leaves that lie in its range; both ascending."""
    numbers = [row[0] for row in some]
    if numbers == list(seqs):
        _, moments, row_hashes, canonical, *_ = zip(*some, strict=True)
        if _are_sealed(canonical, list(row_hashes), moments, seqs, leaves):
            found.entries += len(some)
            _private(found, some)
            return
    else:
        expected = dict(zip(seqs, leaves, strict=True))
        found.missing += sorted(expected.keys() - set(numbers))
        found.loose += [seq for seq in numbers if seq not in expected]
        some = [row for row in some if row[0] in expected]
        leaves = [expected[row[0]] for row in some]
    hashes = _hashes(some)
    try:
        made = [
            sha256(_LEAF(b"\0", one, row[0], row[1])).digest() for one, row in zip(hashes, some, strict=True)
        ]
    except (TypeError, struct.error):
        made = []
    found.entries += len(some)
    if made != leaves or hashes != [row[2] for row in some]:
        made = made or [b""] * len(some)
        found.bad += [
            row[0]
            for row, leaf, own, sealed in zip(some, made, hashes, leaves, strict=True)
            if leaf != sealed or own != row[2]
        ]
    _private(found, some)


def _are_sealed(
    canonical: Sequence[bytes],
    row_hashes: list[bytes],
    moments: Sequence[int],
    seqs: Sequence[int],
    leaves: Sequence[bytes],
) -> bool:
    """Tell whether entries are what was sealed; the usual case, column by column, which is fastest."""
    try:
        hashes = [sha256(one).digest() for one in canonical]
        made = [sha256(one).digest() for one in map(_LEAF, repeat(b"\0"), hashes, seqs, moments)]
    except (TypeError, struct.error):
        return False
    return made == leaves and hashes == row_hashes


def _hashes(some: list[Content]) -> list[bytes]:
    try:
        return [sha256(row[3]).digest() for row in some]
    except TypeError:  # what the database could not write in the canonical form
        return [sha256(row[3]).digest() if isinstance(row[3], bytes) else b"" for row in some]


def _private(found: Compared, some: list[Content]) -> None:
    held = [(row[0], row[4]) for row in some if row[4] is not None]
    known = set(found.bad) if held else ()
    found.erased += sum(private == ERASED for _, private in held)
    found.bad += [seq for seq, private in held if seq not in known and not _is_well(private)]


def _is_well(private: Any) -> bool:
    """Tell whether private columns were erased by the rules, or the commitment is that of nonce and values."""
    if private == ERASED:
        return True
    made = sha256(private[:SIZE] + private[2 * SIZE :]).digest()
    return bool(made == private[SIZE : 2 * SIZE])


def _is_placed(row: Content) -> bool:
    return isinstance(row[1], int) and 0 <= row[1] < 1 << 63


def runs(seqs: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and last of each run of consecutive numbers in an ascending sequence without equals."""
    if seqs and seqs[-1] - seqs[0] == len(seqs) - 1:
        yield seqs[0], seqs[-1]
        return
    first = last = None
    for seq in seqs:
        if first is None or last is None:
            first = last = seq
        elif seq == last + 1:
            last = seq
        else:
            yield first, last
            first = last = seq
    if first is not None and last is not None:
        yield first, last
