"""The hashes of the tree as the seals hold them, for whoever proves or archives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, bindparam, func, select

from flowstone_audit import heads
from flowstone_audit.tables import seal
from flowstone_audit.tree.hashing import SIZE
from flowstone_audit.tree.layout import Node, Reader, stored_count, stored_index

_HASH: Final = select(func.substr(seal.c.hashes, bindparam("at"), SIZE)).where(
    seal.c.first_leaf == bindparam("first")
)


def reader(connection: Connection) -> Reader:
    """Return what reads the roots of full subtrees over *connection*.

    It raises LookupError where a seal is missing or not whole.
    """

    def read(nodes: Sequence[Node]) -> list[bytes]:
        return [_hash(connection, node) for node in nodes]

    return read


def _hash(connection: Connection, node: Node) -> bytes:
    held = heads.seal_of_leaf(connection, node.last_leaf)
    if held is not None:
        at = (stored_index(node) - stored_count(held.first)) * SIZE
        found = connection.execute(_HASH, {"first": held.first, "at": at + 1}).scalar()
        if found is not None and len(found) == SIZE:
            return bytes(found)
    raise LookupError(f"the seal of leaf {node.last_leaf} is missing or not whole")
