"""Trees for the tests of proofs, and the corruptions that no verifier may accept.

The corruptions are those of transparency-dev/merkle (proof/verify_test.go).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from typing import NamedTuple

from flowstone_audit.tree.frontier import Frontier
from flowstone_audit.tree.hashing import EMPTY, leaf_hash
from flowstone_audit.tree.layout import Node, stored_index

SOME = bytes.fromhex("abacaba000000000000000000000000000000000000000000060061e00123456")


class Grown(NamedTuple):
    """A tree with all its former selves."""

    leaves: list[bytes]
    roots: list[bytes]
    read: Callable[[Sequence[Node]], Sequence[bytes]]


def grown(size: int) -> Grown:
    """Return a tree of *size* distinct leaves."""
    leaves = [leaf_hash(sha256(str(n).encode()).digest()) for n in range(size)]
    frontier, roots, kept = Frontier(), [EMPTY], list[bytes]()
    for leaf in leaves:
        kept += frontier.extend([leaf])
        roots.append(frontier.root())
    return Grown(leaves, roots, lambda nodes: [kept[stored_index(node)] for node in nodes])


Inclusion = tuple[bytes, int, int, bytes, list[bytes]]
Consistency = tuple[bytes, int, bytes, int, list[bytes]]


def corrupt_inclusion(
    root: bytes, size: int, index: int, leaf: bytes, proof: list[bytes]
) -> Iterator[Inclusion]:
    """Yield what must not verify."""
    for other in (index - 1, index + 1, index ^ 2):
        yield root, size, other, leaf, proof
    yield root, size * 2, index, leaf, proof
    yield root, size // 2, index, leaf, proof
    yield root, size, index, b"WrongLeaf", proof
    yield EMPTY, size, index, leaf, proof
    yield SOME, size, index, leaf, proof
    for garbage in (b"", root):
        yield root, size, index, leaf, [*proof, garbage]
        yield root, size, index, leaf, [garbage, *proof]
    for at in range(len(proof)):
        yield root, size, index, leaf, _flipped(proof, at, 8)
    if proof:
        yield root, size, index, leaf, proof[:-1]
        yield root, size, index, leaf, proof[1:]
    if len(proof) > 1:
        yield root, size, index, leaf, [proof[0], SOME, *proof[1:]]
        yield root, size, index, leaf, [*proof[::-1]]
    yield root, size, index, leaf[:-1] + bytes([leaf[-1] ^ 1]), proof
    yield root[:-1], size, index, leaf, proof


def corrupt_consistency(
    old_root: bytes, old: int, new_root: bytes, new: int, proof: list[bytes]
) -> Iterator[Consistency]:
    """Yield what must not verify, of a proof that is not empty."""
    for other in (old - 1, old + 1, old ^ 2):
        yield old_root, other, new_root, new, proof
    yield old_root, old, new_root, new * 2, proof
    yield old_root, old, new_root, new // 2, proof
    yield b"WrongRoot", old, new_root, new, proof
    yield old_root, old, b"WrongRoot", new, proof
    yield SOME, old, new_root, new, proof
    yield old_root, old, SOME, new, proof
    yield new_root, old, old_root, new, proof
    yield old_root, old, new_root, new, []
    for garbage in (b"", old_root, new_root):
        yield old_root, old, new_root, new, [*proof, garbage]
        yield old_root, old, new_root, new, [garbage, *proof]
    yield old_root, old, new_root, new, [proof[0], *proof]
    yield old_root, old, new_root, new, proof[:-1]
    for at in range(len(proof)):
        yield old_root, old, new_root, new, _flipped(proof, at, 16)


def _flipped(proof: list[bytes], at: int, bit: int) -> list[bytes]:
    wrong = bytes([proof[at][0] ^ bit]) + proof[at][1:]
    return [*proof[:at], wrong, *proof[at + 1 :]]
