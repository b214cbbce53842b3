"""A tree as it grows: nothing is kept of it but the roots of its full subtrees."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from flowstone_audit.tree.hashing import EMPTY, SIZE
from flowstone_audit.tree.layout import folded


class Frontier:
    """The right edge of a tree: enough to append leaves and to name the root.

    Args:
        size: Leaves so far.
        packed: Roots of the full subtrees, largest first, 32 bytes each; one for each one bit of *size*.

    Raises:
        ValueError: *packed* has another length than *size* asks for.
    """

    __slots__ = ("nodes", "size")

    def __init__(self, size: int = 0, packed: bytes = b"") -> None:
        if size < 0 or len(packed) != size.bit_count() * SIZE:
            raise ValueError(f"the frontier of {size} leaves has not {len(packed)} bytes")
        self.size = size
        self.nodes = [packed[at : at + SIZE] for at in range(0, len(packed), SIZE)]

    def extend(self, leaves: Iterable[bytes]) -> list[bytes]:
        """Append leaf hashes; return the hashes to keep for them, in the order of ``tree.layout``."""
        kept = []
        nodes, size = self.nodes, self.size
        for leaf in leaves:
            kept.append(leaf)
            above, complete = leaf, size
            while complete & 1:
                above = sha256(b"\1" + nodes.pop() + above).digest()
                kept.append(above)
                complete >>= 1
            nodes.append(above)
            size += 1
        self.size = size
        return kept

    def root(self) -> bytes:
        """Return the root, 32 bytes."""
        return folded(self.nodes) if self.nodes else EMPTY

    def packed(self) -> bytes:
        """Return what makes this frontier anew, together with its size."""
        return b"".join(self.nodes)
