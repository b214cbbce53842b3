"""The form of archives: docs/reference/audit-archive.md says it in full."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import orjson

from flowstone_audit.canonical import row_bytes
from flowstone_audit.errors import AuditError
from flowstone_audit.row import HASHED, Stored
from flowstone_audit.tree.hashing import node_hash
from flowstone_audit.tree.layout import Node

FORMAT: Final = "flowstone-audit-archive"
VERSION: Final = 1
LONGEST: Final = 1 << 26
"""Bytes of a line; what `log` takes fits into a hundredth of it, and no file makes a reader hold more."""


class ArchiveBroken(AuditError, ValueError):
    """An archive is not complete, does not have its form, or does not lead to its checkpoint."""


class TooLong(AuditError):
    """An entry that was not written by `log` is longer than a line of an archive may be."""


class Header(NamedTuple):
    """The first line of an archive.

    Attributes:
        log_id: The log, UUID text.
        made_at: Unix microseconds.
        rows: Lines of rows that follow.
        holes: Lines of leaves whose rows stand elsewhere.
        first_leaf: Index of the first leaf.
        leaves: How many follow.
        tree_size: Leaves of the tree that the checkpoint signs.
        left: Roots of the full subtrees before the first leaf, largest first, 32 bytes each.
        right: Roots of the full subtrees behind the last leaf, in leaf order.
        note: The signed checkpoint.
        private: Whether the private columns are in it.
    """

    log_id: str
    made_at: int
    rows: int
    holes: int
    first_leaf: int
    leaves: int
    tree_size: int
    left: tuple[bytes, ...]
    right: tuple[bytes, ...]
    note: str
    private: bool

    @property
    def end(self) -> int:
        """Index behind the last leaf."""
        return self.first_leaf + self.leaves


def header_line(header: Header) -> bytes:
    """Return the header as its line."""
    values: dict[str, Any] = {"format": FORMAT, "version": VERSION, **header._asdict(), "columns": HASHED}
    for side in ("left", "right"):
        values[side] = [each.hex() for each in values[side]]
    return orjson.dumps(values, option=orjson.OPT_APPEND_NEWLINE)


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON; refuse a name that is there twice, of which readers take the one or the other.

    Raises:
        ValueError: One is.
    """
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name is there twice")
    return made


def read_header(line: bytes) -> Header:
    """Return the header of a line.

    Raises:
        ArchiveBroken: It is none of this version.
    """
    try:
        values = json.loads(line, object_pairs_hook=unique)
        if values.keys() != {"format", "version", "columns", *Header._fields}:
            raise ArchiveBroken("the header has other names than it should")
        if values["format"] != FORMAT or values["version"] != VERSION or values["columns"] != list(HASHED):
            raise ArchiveBroken(f"not an archive of version {VERSION}")
        sides: dict[str, Any] = {
            side: tuple(bytes.fromhex(each) for each in values[side]) for side in ("left", "right")
        }
        kept: dict[str, Any] = {name: values[name] for name in Header._fields}
        header = Header(**(kept | sides))
        counts = (header.rows, header.holes, header.first_leaf, header.leaves, header.tree_size)
        if not all(type(each) is int and each >= 0 for each in counts):
            raise ArchiveBroken("the header's numbers are none")
        if not isinstance(header.note, str) or not isinstance(header.log_id, str):
            raise ArchiveBroken("the header has no checkpoint")
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ArchiveBroken(f"the first line is no header of an archive: {error}") from error
    if not header.rows or header.leaves != header.rows + header.holes or header.end > header.tree_size:
        raise ArchiveBroken("the header's numbers do not fit one another")
    return header


def row_line(leaf: int, stored: Stored, *, private: bool) -> bytes:
    """Return a row as its line; its canonical form stands in it byte for byte.

    Raises:
        TooLong: No archive can hold it.
    """
    row = stored.row
    held = None
    if private and row.nonce is not None:
        held = [row.client_ip, row.user_agent, row.private, row.nonce.hex()]
    line = b'{"leaf":%d,"seq":%d,"inserted_at":%d,"row":%s,"private":%s}\n' % (
        leaf, stored.seq, stored.inserted_at, row_bytes(row), orjson.dumps(held),
    )  # fmt: skip
    if len(line) > LONGEST:
        raise TooLong(
            f"entry {stored.seq} takes {len(line)} bytes; a line of an archive has at most {LONGEST}"
        )
    return line


def hole_line(leaf: int, value: bytes) -> bytes:
    """Return a leaf whose row stands elsewhere as its line."""
    return b'{"leaf":%d,"hash":"%s"}\n' % (leaf, value.hex().encode())


class Fold:
    """The root of a tree from subtrees that are given from left to right."""

    __slots__ = ("_stack",)

    def __init__(self) -> None:
        self._stack: list[tuple[int, bytes]] = []

    def push(self, level: int, value: bytes) -> None:
        """Add the subtree of ``2 ** level`` leaves that is next."""
        stack = self._stack
        while stack and stack[-1][0] == level:
            value = node_hash(stack.pop()[1], value)
            level += 1
        stack.append((level, value))

    def push_all(self, nodes: Iterable[Node], hashes: Iterable[bytes]) -> None:
        """Add the subtrees that are next."""
        for node, value in zip(nodes, hashes, strict=True):
            self.push(node.level, value)

    def root(self) -> bytes:
        """Return the root over all that was added, at least one leaf."""
        stack = self._stack
        root = stack[-1][1]
        for _, lower in reversed(stack[:-1]):
            root = node_hash(lower, root)
        return root
