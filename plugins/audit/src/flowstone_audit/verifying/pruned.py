"""Which entries may be gone: a prune deletes all that was sealed up to a number, in the order of the tree.

So what it leaves where it was interrupted are the last of them, and entries that were sealed since. Where one
is gone behind one that has stayed, somebody has chosen.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterator
from typing import Any, NamedTuple

from flowstone_audit.verifying.source import TABLE, Floor, Source

_RECORDED = f"SELECT details FROM {TABLE} WHERE event_type = '{{}}'"  # noqa: S608
_LAST = (1 << 63) - 1


class Prune(NamedTuple):
    """What a prune could delete.

    Attributes:
        through: Entries up to this number.
        size: Of the first leaves, so many.
    """

    through: int
    size: int


class Gone(NamedTuple):
    """Entries that may have been pruned.

    Attributes:
        first: The first of consecutive numbers.
        last: The last.
        through: They were deleted on purpose where an entry up to this number stands before them in the tree.
    """

    first: int
    last: int
    through: int


def records(source: Source, event_type: str) -> Iterator[dict[str, Any]]:
    """Yield the details of the entries of a type, as far as they are any."""
    for text in source.values(_RECORDED.format(event_type)):
        try:
            made = json.loads(text)
        except (ValueError, TypeError, RecursionError):
            continue
        if isinstance(made, dict):
            yield made


def prunes(source: Source, floor: Floor) -> list[Prune]:
    """Return the prunes that are on record, ascending; whether the floor is, ``standing`` tells."""
    found = {
        Prune(min(one["through_seq"], floor.through), one.get("tree_size", _LAST))
        for one in records(source, "audit.pruned")
        if type(one.get("through_seq")) is int and type(one.get("tree_size", 0)) is int
    }
    return sorted(found or {Prune(floor.through, _LAST)})


def of(prunes: list[Prune], seq: int, leaf: int) -> Prune | None:
    """Return the prune that may have deleted an entry, of several that which reaches least; None if there is none."""
    reach = prunes[bisect_left(prunes, (seq, 0)) :]
    return next((one for one in reach if leaf < one.size), None)


def joined(gone: list[tuple[int, int]]) -> list[Gone]:
    """Return numbers, each with what it was deleted by, as runs; in their order."""
    made: list[Gone] = []
    for seq, through in gone:
        if made and (made[-1].last + 1, made[-1].through) == (seq, through):
            made[-1] = made[-1]._replace(last=seq)
        else:
            made.append(Gone(seq, seq, through))
    return made
