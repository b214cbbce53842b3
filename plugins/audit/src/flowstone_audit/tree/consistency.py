"""Proofs that a tree only grew, that nothing in it was changed or taken out: RFC 9162 §2.1.4."""

from __future__ import annotations

from collections.abc import Sequence

from flowstone_audit.tree.hashing import EMPTY, SIZE, node_hash
from flowstone_audit.tree.layout import Reader, read_ranges, split


def prove(old_size: int, new_size: int, read: Reader) -> list[bytes]:
    """Return the proof that the tree of *old_size* leaves is the beginning of that of *new_size*.

    It is empty for equal sizes, and for an old tree without leaves.

    Args:
        old_size: Leaves of the old tree.
        new_size: Leaves of the new tree.
        read: Gives the kept hashes.

    Raises:
        ValueError: The old tree is the larger one.
        LookupError: A hash is missing.
    """
    if not 0 <= old_size <= new_size:
        raise ValueError(f"a tree of {old_size} is not the beginning of one of {new_size}")
    if old_size == 0:
        return []
    parts = []
    first, end = 0, new_size
    while end != old_size:
        middle = first + split(end - first)
        if old_size <= middle:
            parts.append((middle, end))
            end = middle
        else:
            parts.append((first, middle))
            first = middle
    if first > 0:  # else the part is the whole old tree, whose root the verifier has
        parts.append((first, end))
    return read_ranges(parts[::-1], read)


def verify(old_root: bytes, old_size: int, new_root: bytes, new_size: int, proof: Sequence[bytes]) -> bool:
    """Tell whether *proof* leads to both roots (RFC 9162 §2.1.4.2).

    Args:
        old_root: Root of the old tree, 32 bytes.
        old_size: Its leaves, as its checkpoint says.
        new_root: Root of the new tree, 32 bytes.
        new_size: Its leaves, as its checkpoint says.
        proof: What ``prove`` returned, 32 bytes each.
    """
    if not 0 <= old_size <= new_size or {len(one) for one in (old_root, new_root, *proof)} != {SIZE}:
        return False
    if old_size == new_size:
        return not proof and old_root == new_root and (old_size > 0 or old_root == EMPTY)
    if old_size == 0:
        return not proof and old_root == EMPTY
    # The root of an old tree that is a full subtree is not in the proof.
    path = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    if not proof:
        return False
    at, last = old_size - 1, new_size - 1
    while at & 1:
        at >>= 1
        last >>= 1
    old = new = path[0]
    for one in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            old, new = node_hash(one, old), node_hash(one, new)
            while at and not at & 1:
                at >>= 1
                last >>= 1
        else:
            new = node_hash(new, one)
        at >>= 1
        last >>= 1
    return last == 0 and old == old_root and new == new_root
