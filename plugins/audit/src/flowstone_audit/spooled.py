"""What a segment of a spool holds, read as rows; what holds none is told as a gap, and kept aside."""

from __future__ import annotations

import os
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from time import time_ns
from typing import Final, NamedTuple

import orjson

from flowstone.plugin import count
from flowstone_audit.canonical import sealed
from flowstone_audit.losses import gap_row
from flowstone_audit.mapping import row_of_spooled
from flowstone_audit.row import Row
from flowstone_audit.spool import batch, line, locks, rows

CHUNK: Final = 64
_READ: Final = 64 << 10
_NONE: Final = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)
"""What reading a line raises whose check sum is right and whose payload is anything."""
_LONGEST_WRITER: Final = 256


class Chunk(NamedTuple):
    """Some lines of a segment, as rows.

    Attributes:
        rows: In their order.
        offset: Up to where they were read.
        damaged: Entries of lines that are damaged.
        aside: Those lines.
    """

    rows: list[Row]
    offset: int
    damaged: int = 0
    aside: tuple[bytes, ...] = ()


def read(
    descriptor: int, offset: int, writer: str, private: frozenset[str], *, final: bool, end: int | None = None
) -> Chunk:
    """Read some lines of a segment from *offset* on, until they have ``CHUNK`` entries or more.

    Args:
        descriptor: The open segment.
        offset: Where a line begins.
        writer: Whose it is.
        private: Keys of details that are held privately.
        final: Whether nobody writes to it any more, so that what has no line end is torn.
        end: Where to stop.
    """
    size = _READ if end is None else min(_READ, end - offset)
    data = os.pread(descriptor, size, offset)
    if len(data) == size == _READ and b"\n" not in data:
        data = os.pread(descriptor, line.LONGEST + 1, offset)
    made: list[Row] = []
    aside: list[bytes] = []
    damaged = 0
    reached = offset
    for one in line.read(data, offset):
        try:
            made += _rows(one, writer, private)
        except _NONE:
            damaged += one.entries
            aside.append(data[reached - offset : one.end - offset])
        reached = one.end
        if len(made) >= CHUNK:
            break
    if final and reached == offset and data:
        reached = offset + len(data)
        try:
            made += _rows(line.unended(data, reached), writer, private)  # only its end is damaged
        except _NONE:
            count("audit.spool.torn")  # never acknowledged
    return Chunk(made, reached, damaged, tuple(aside))


def _rows(one: line.Line, writer: str, private: frozenset[str]) -> Iterable[Row]:
    """Return the rows of a line; raises one of ``_NONE`` where it is none."""
    if one.kind == line.EVENTS:
        return [
            rows.checked(row_of_spooled(event, one.ordinal + number, writer, occurred_at, private))
            for number, (occurred_at, event) in enumerate(batch.decode(one.payload, one.occurred_at))
        ]
    if one.kind == line.ROW:
        return [rows.decode(one.payload)]
    if one.kind == line.WRITER:
        return []
    raise ValueError("a damaged line")


def writer_of(descriptor: int, path: Path) -> str:
    """Return whose segment it is, by its first line; by its name where that is damaged."""
    for one in line.read(os.pread(descriptor, 4096, 0), 0):
        if one.kind == line.WRITER and (said := _said(one.payload)):
            return said
        break
    pid, _, token = path.name.partition(".")[0].partition("-")
    return f"unknown/{pid}/{token}"


def _said(payload: bytes) -> str | None:
    try:
        found = orjson.loads(payload)["writer"]
    except (ValueError, TypeError, KeyError):
        return None
    fits = isinstance(found, str) and len(found) <= _LONGEST_WRITER and "\0" not in found
    return found if fits else None


def begins_line(descriptor: int, offset: int) -> bool:
    """Tell whether a line of a segment begins, or may begin, at *offset*: where a damaged position says anything."""
    return offset == 0 or (offset > 0 and os.pread(descriptor, 1, offset - 1) == b"\n")


def is_closed(descriptor: int) -> bool:
    """Tell whether the writer of a segment has closed it, or is gone."""
    if not locks.take(descriptor):
        return False
    locks.let_go(descriptor)
    return True


def gap(writer: str, path: Path, begin: int, end: int, lost: int, reason: str, place: str = "") -> Row:
    """Return the entry that tells of what a segment held and the log has not; the same whoever finds it.

    Args:
        writer: Whose segment it is.
        path: The segment.
        begin: From where it holds what is lost.
        end: Up to where.
        lost: How many entries.
        reason: Why.
        place: Tells one gap from another that begins there too.
    """
    told: dict[str, object] = {
        "count": lost,
        "segment": path.name,
        "from": begin,
        "to": end,
        "reason": reason,
    }
    digest = sha256(f"{path.name} {begin}{place}".encode()).digest()
    moment = (path.stat().st_mtime_ns // 1_000_000).to_bytes(6, "big")
    return sealed(gap_row(writer, told, time_ns(), moment + digest[:10]))
