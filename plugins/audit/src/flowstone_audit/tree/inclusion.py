"""Proofs that a leaf is in a tree: RFC 9162 §2.1.3."""

from __future__ import annotations

from collections.abc import Sequence

from flowstone_audit.tree.hashing import SIZE, node_hash
from flowstone_audit.tree.layout import Reader, read_ranges, split


def prove(size: int, index: int, read: Reader) -> list[bytes]:
    """Return the proof that leaf *index* is in the tree of *size* leaves: siblings from the leaf up.

    Args:
        size: Leaves of the tree that is proven against.
        index: Which leaf, from 0.
        read: Gives the kept hashes.

    Raises:
        ValueError: There is no such leaf.
        LookupError: A hash is missing.
    """
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    siblings = []
    first, end = 0, size
    while end - first > 1:
        middle = first + split(end - first)
        if index < middle:
            siblings.append((middle, end))
            end = middle
        else:
            siblings.append((first, middle))
            first = middle
    return read_ranges(siblings[::-1], read)


def verify(root: bytes, size: int, index: int, leaf: bytes, proof: Sequence[bytes]) -> bool:
    """Tell whether *proof* leads from *leaf* to *root* (RFC 9162 §2.1.3.2).

    Args:
        root: Root of the tree, 32 bytes.
        size: Its leaves, as its checkpoint says.
        index: Which leaf, from 0.
        leaf: The leaf's hash, 32 bytes.
        proof: Siblings from the leaf up, 32 bytes each.
    """
    if not 0 <= index < size or len(leaf) != SIZE or any(len(one) != SIZE for one in proof):
        return False
    at, last, reached = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            reached = node_hash(sibling, reached)
            while at and not at & 1:
                at >>= 1
                last >>= 1
        else:
            reached = node_hash(reached, sibling)
        at >>= 1
        last >>= 1
    return last == 0 and reached == root
