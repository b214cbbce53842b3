"""The two hashes of RFC 6962 §2.1; their first byte keeps a node from being taken for a leaf."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

SIZE: Final = 32
"""Bytes of a hash."""

EMPTY: Final = sha256(b"").digest()
"""The root of a tree without leaves."""


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf, 32 bytes."""
    return sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of the node over two subtrees, 32 bytes."""
    return sha256(b"\1" + left + right).digest()
