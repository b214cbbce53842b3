r"""Lines of the spool, each with a check sum.

``KIND CRC32 SPACE ORDINAL SPACE OCCURRED SPACE ENTRIES SPACE PAYLOAD \n``: kind is one letter, the check sum of all
behind it 8 hex digits; JSON has no line ends of its own. A line holds so many *entries* of its writer, the
first of them with that ordinal.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple
from zlib import crc32

EVENTS: Final = b"b"
"""Lifecycle events, as ``spool.batch.encode`` writes them."""
ROW: Final = b"r"
"""A row, as ``spool.rows.encode`` writes it."""
WRITER: Final = b"w"
"""The first line of a segment: whose it is."""

LONGEST: Final = 1 << 20
_PIECE: Final = 4096
_LEAST: Final = 16
_MOST: Final = 1 << 16
"""What a damaged line is believed to hold, at most."""


class Line(NamedTuple):
    """One line as it was read.

    Attributes:
        kind: What its payload is; empty where it is damaged.
        ordinal: The writer's count.
        occurred_at: Unix microseconds, of the first entry.
        entries: How many it holds; of a damaged line as far as that can be read, else 1.
        payload: The rest; of a damaged line all of it.
        end: Offset behind it in its segment.
    """

    kind: bytes
    ordinal: int
    occurred_at: int
    entries: int
    payload: bytes
    end: int


def write(kind: bytes, ordinal: int, occurred_at: int, payload: bytes, entries: int = 1) -> bytes:
    """Return a line."""
    before = b"%d %d %d " % (ordinal, occurred_at, entries)
    return b"%b%08x %b%b\n" % (kind, _sum(payload, crc32(before)), before, payload)


def _sum(data: bytes, found: int) -> int:
    """Return the check sum that goes on from *found*, taken piece by piece.

    Of more than 5 KB zlib lets go of the interpreter, and to get it back beside a busy thread costs more.
    """
    pieces = memoryview(data)
    for begin in range(0, len(data), _PIECE):
        found = crc32(pieces[begin : begin + _PIECE], found)
    return found


def read(data: bytes, offset: int) -> Iterator[Line]:
    """Yield the whole lines of *data*, which begins at *offset* of a segment; what has no line end is left."""
    begin = 0
    while (end := data.find(b"\n", begin)) >= 0:
        yield _parsed(data[begin:end], offset + end + 1)
        begin = end + 1
    if begin == 0 and len(data) > LONGEST:  # no line is as long: skip what somebody wrote over it
        yield Line(b"", 0, 0, 1, data, offset + len(data))


def unended(data: bytes, end: int) -> Line:
    """Return the line that *data* is but for its last byte, which should be a line end; damaged where it is none."""
    return _parsed(data[:-1], end)


def _parsed(raw: bytes, end: int) -> Line:
    try:
        body = raw[10:]
        if len(raw) >= _LEAST and raw[9:10] == b" " and int(raw[1:9], 16) == crc32(body):
            ordinal, occurred_at, entries, payload = body.split(b" ", 3)
            return Line(
                raw[:1], int(ordinal), int(occurred_at), min(max(int(entries), 1), _MOST), payload, end
            )
    except ValueError:
        pass
    return Line(b"", 0, 0, entries_of(raw), raw, end)


def entries_of(raw: bytes) -> int:
    """Return how many entries a line says it holds, whether or not it is damaged; 1 where it does not say."""
    found = raw[10:74].split(b" ", 3)[2:3]
    return min(max(int(found[0]), 1), _MOST) if found and found[0].isdigit() else 1
