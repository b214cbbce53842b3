"""The tree of a seal computed anew, level by level: of all of a verification this hashes most, so it is made to be fast."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from hashlib import sha256
from itertools import accumulate, chain
from typing import Final

from flowstone_audit.tree.frontier import Frontier
from flowstone_audit.tree.hashing import SIZE


def _step(end: int) -> int:
    """Return how many hashes are stored with the leaf before *end*, itself counted."""
    return (end & -end).bit_length()


_STEPS: Final = tuple(map(_step, range(1 << 13)))
"""The same of many, which repeat but for the first: to look it up is faster."""
_ONE: Final = struct.Struct(f"{SIZE}s")
_MANY: Final = struct.Struct(f"{SIZE}s" * 256)


def places(first: int, count: int) -> list[int]:
    """Return where the leaves from *first* on stand among their stored hashes: behind each the subtrees it completes."""
    known = first % len(_STEPS)
    steps: Iterable[int] = _STEPS[known + 1 : known + count]
    if known + count > len(_STEPS):
        steps = map(_step, range(first + 1, first + count))
    return list(accumulate(steps, initial=0)) if count else []


def split(hashes: object) -> list[bytes]:
    """Return stored hashes one by one; none where they are not whole."""
    if not isinstance(hashes, bytes) or len(hashes) % SIZE:
        return []
    most = len(hashes) - len(hashes) % _MANY.size
    return [
        *chain.from_iterable(_MANY.iter_unpack(hashes[:most])),
        *chain.from_iterable(_ONE.iter_unpack(hashes[most:])),
    ]


def grown(
    before: Frontier, leaves: Sequence[bytes], stored: Sequence[bytes], at: Sequence[int]
) -> tuple[Frontier, bool]:
    """Return the tree with *leaves*, and whether *stored* are the hashes that it keeps for them.

    Args:
        before: The tree without them.
        leaves: Leaf hashes.
        stored: What the seal has.
        at: The places of the leaves in there.
    """
    first, size = before.size, before.size + len(leaves)
    whole = len(stored) == (at[-1] + (size & -size).bit_length() if at else 0)
    levels = [level for level in range(first.bit_length()) if first >> level & 1]
    edge = dict(zip(levels, reversed(before.nodes), strict=True))
    row, level = list(leaves), 0
    while row:
        if whole:
            completing = at[-(first + 1) % (1 << level) :: 1 << level]
            whole = [stored[place + level] for place in completing] == row
        left = edge.pop(level, None)
        if left is not None:
            row.insert(0, left)
        if len(row) & 1:
            edge[level] = row[-1]
        pairs = iter(row)
        row = [sha256(b"\1" + one + other).digest() for one, other in zip(pairs, pairs, strict=False)]
        level += 1
    nodes = (edge[level] for level in sorted(edge, reverse=True))
    return Frontier(size, b"".join(nodes)), whole
