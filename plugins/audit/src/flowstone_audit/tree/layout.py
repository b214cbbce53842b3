"""Where the hashes of a growing tree are kept: the layout of Go's ``golang.org/x/mod/sumdb/tlog``.

Hashes are only ever appended: each leaf, and behind it the roots of the full subtrees that it completes,
from small to large. A tree of n leaves has 2n - (ones in n) of them, and no later leaf changes one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from flowstone_audit.tree.hashing import node_hash


class Node(NamedTuple):
    """The root of a full subtree.

    Attributes:
        level: Its height; it has ``2 ** level`` leaves.
        n: Which one of its height, from 0, left to right.
    """

    level: int
    n: int

    @property
    def last_leaf(self) -> int:
        """Index of the leaf that completes it."""
        return ((self.n + 1) << self.level) - 1


Reader = Callable[[Sequence[Node]], Sequence[bytes]]
"""Returns the hash of each node, in the order asked; raises LookupError where one is not there."""


def stored_count(leaves: int) -> int:
    """Return how many hashes a tree of so many leaves keeps; the place of the next leaf, too."""
    return 2 * leaves - leaves.bit_count()


def stored_index(node: Node) -> int:
    """Return the place of a node among the kept hashes, from 0."""
    return stored_count(node.last_leaf) + node.level


def full_subtrees(first: int, end: int) -> list[Node]:
    """Return the roots of the full subtrees that make up leaves *first* to *end* - 1, left to right."""
    found = []
    while first < end:
        level = (end - first).bit_length() - 1
        if first:
            level = min(level, (first & -first).bit_length() - 1)
        found.append(Node(level, first >> level))
        first += 1 << level
    return found


def folded(hashes: Sequence[bytes]) -> bytes:
    """Return the root over full subtrees, given left to right, at least one."""
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


def read_ranges(ranges: Sequence[tuple[int, int]], read: Reader) -> list[bytes]:
    """Return the root over each range of leaves (first, end), all their nodes read at once."""
    parts = [full_subtrees(first, end) for first, end in ranges]
    hashes = read([node for part in parts for node in part])
    ends = [0]
    for part in parts:
        ends.append(ends[-1] + len(part))
    return [folded(hashes[begin:end]) for begin, end in pairwise(ends)]


def split(count: int) -> int:
    """Return how many of *count* leaves (two or more) are under the left child: a power of two."""
    return 1 << ((count - 1).bit_length() - 1)
