"""Writes archives: sealed entries with what proves them, into one file that needs no database."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from time import time_ns
from typing import Final, NamedTuple

from sqlalchemy import Connection, bindparam, func, select

from flowstone_audit import heads, stored
from flowstone_audit.archive_form import Header, header_line, hole_line, row_line
from flowstone_audit.errors import NotFound
from flowstone_audit.kept_hashes import reader
from flowstone_audit.private import new_file
from flowstone_audit.tables import log, seal
from flowstone_audit.tree.layout import Node, Reader, full_subtrees

_SEALS: Final = select(seal.c.first_leaf, seal.c.seqs).order_by(seal.c.first_leaf)
_NAMED: Final = log.c.seq.in_(bindparam("seqs", expanding=True))
_SEQS: Final = select(log.c.seq).where(_NAMED)
_ROWS: Final = select(log).where(_NAMED)
_AT_ONCE: Final = 512


class Scope(NamedTuple):
    """Which sealed entries an archive takes in.

    Attributes:
        first_leaf: Index of the first leaf.
        end: Index behind the last leaf.
        rows: Entries among them.
        first_seq: The smallest number among them.
        through_seq: The greatest number among them.
        missing: Numbers that are sealed and have no entry, though no prune has deleted it.
    """

    first_leaf: int
    end: int
    rows: int
    first_seq: int
    through_seq: int
    missing: tuple[int, ...] = ()


def scope(connection: Connection, through: int | None = None, floor: int | None = None) -> Scope | None:
    """Return what there is to archive; None where nothing of it is sealed.

    Args:
        connection: To read with.
        through: The greatest number.
        floor: The number up to which entries were pruned before; given, what is missing above it is looked for.
    """
    lowest = connection.execute(select(func.min(log.c.seq))).scalar()
    if lowest is None:
        return None
    first_leaf = end = rows = last = 0
    first = 1 << 63
    missing: list[int] = []
    for leaf, seqs in _sealed(connection, lowest if floor is None else min(lowest, floor + 1), through):
        there = _there(connection, seqs)
        chosen = [(leaf + at, seq) for at, seq in enumerate(seqs) if seq in there and _takes(seq, through)]
        if floor is not None:
            missing += [seq for seq in seqs if floor < seq and seq not in there and _takes(seq, through)]
        if not chosen:
            continue
        first_leaf = first_leaf if rows else chosen[0][0]
        end = chosen[-1][0] + 1
        rows += len(chosen)
        numbers = [seq for _, seq in chosen]
        first, last = min(first, *numbers), max(last, *numbers)
    return Scope(first_leaf, end, rows, first, last, tuple(missing)) if rows else None


def write(
    path: Path,
    connection: Connection,
    *,
    through: int | None = None,
    private: bool = True,
    told: Callable[[int], object] | None = None,
) -> Header:
    """Write the sealed entries up to the number *through* into a new file, mode 0600, and have it on disk.

    Args:
        path: The file; it must not exist.
        connection: To read with, in one transaction that sees one state (PostgreSQL: REPEATABLE READ).
        through: The greatest ``seq``; all that is sealed if not given.
        private: Whether the private columns go along; without them the proofs hold as well.
        told: Called with the number of leaves that were written, now and then.

    Raises:
        NotFound: There is nothing to archive.
        FileExistsError: The file is there.
        OSError: It cannot be written.
        LookupError: A seal is missing, or not whole; see ``flowstone audit verify``.
    """
    found, read = scope(connection, through), reader(connection)
    if found is None:
        raise NotFound("there is no sealed entry to archive; see: flowstone audit seal")
    header = _header(connection, read, found, private=private)
    with new_file(path) as file:
        file.write(header_line(header))
        for leaf, seqs in _sealed(connection, found.first_seq, through):
            places = [each for each in enumerate(seqs, leaf) if found.first_leaf <= each[0] < found.end]
            for begin in range(0, len(places), _AT_ONCE):
                some = places[begin : begin + _AT_ONCE]
                file.writelines(_lines(connection, read, some, through, private))
                if told is not None:
                    told(len(some))
        file.flush()
        os.fsync(file.fileno())
    _keep_name(path.parent)
    return header


def _header(connection: Connection, read: Reader, found: Scope, *, private: bool) -> Header:
    head = heads.last(connection)
    return Header(
        log_id=heads.log_id(connection),
        made_at=time_ns() // 1000,
        rows=found.rows,
        holes=found.end - found.first_leaf - found.rows,
        first_leaf=found.first_leaf,
        leaves=found.end - found.first_leaf,
        tree_size=head.size,
        left=tuple(read(full_subtrees(0, found.first_leaf))),
        right=tuple(read(full_subtrees(found.end, head.size))),
        note=head.note,
        private=private,
    )


def _sealed(
    connection: Connection, lowest: int, through: int | None
) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Yield, for each seal with a number of the range, its first leaf and the numbers of its leaves."""
    for first_leaf, packed in connection.execute(_SEALS).fetchall():
        seqs = struct.unpack(f">{len(packed) // 8}q", packed)
        if seqs and max(seqs) >= lowest and _takes(min(seqs), through):
            yield first_leaf, seqs


def _takes(seq: int, through: int | None) -> bool:
    return through is None or seq <= through


def _there(connection: Connection, seqs: tuple[int, ...]) -> set[int]:
    """Return which of the numbers have their row."""
    return {
        found
        for begin in range(0, len(seqs), _AT_ONCE)
        for found in connection.execute(_SEQS, {"seqs": seqs[begin : begin + _AT_ONCE]}).scalars()
    }


def _lines(
    connection: Connection, read: Reader, some: list[tuple[int, int]], through: int | None, private: bool
) -> Iterator[bytes]:
    """Yield the lines of leaves, each given by its index and number."""
    numbers = [seq for _, seq in some if _takes(seq, through)]
    found = {row.seq: row for row in connection.execute(_ROWS, {"seqs": numbers})} if numbers else {}
    holes = iter(read([Node(0, leaf) for leaf, seq in some if seq not in found]))
    for leaf, seq in some:
        if seq in found:
            yield row_line(leaf, stored.of_row(found[seq]), private=private)
        else:
            yield hole_line(leaf, next(holes))


def _keep_name(folder: Path) -> None:
    with suppress(OSError):  # not every file system lets a folder be synced
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
