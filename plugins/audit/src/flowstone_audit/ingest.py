"""From the spools into the database: in order, at least once, and by their ids exactly once."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path
from time import monotonic, sleep, time_ns
from typing import Final, NamedTuple

import orjson
from sqlalchemy.exc import SQLAlchemyError

from flowstone.plugin import NO_TRACE, count, emit
from flowstone_audit import config, insert
from flowstone_audit.canonical import sealed
from flowstone_audit.database import Database, of
from flowstone_audit.errors import SchemaMismatch, Unavailable
from flowstone_audit.events import AuditGap
from flowstone_audit.losses import gap_row
from flowstone_audit.mapping import row_of_spooled
from flowstone_audit.opening import prepare
from flowstone_audit.row import Row
from flowstone_audit.spool import batch, folder, line, locks, own, rows
from flowstone_audit.spool.claim import Claim, Position

CHUNK: Final = 64
_READ: Final = 64 << 10
_PAUSE_S: Final = 0.0005
TROUBLE: Final = (Unavailable, SchemaMismatch, SQLAlchemyError, OSError)
"""What keeps entries in the spool for now."""


class Chunk(NamedTuple):
    """Some lines of a segment, as rows.

    Attributes:
        rows: In their order.
        offset: Up to where they were read.
        damaged: Entries of lines that are damaged.
    """

    rows: list[Row]
    offset: int
    damaged: int


def catch_up(timeout: float = 5.0) -> int:
    """Bring what waits in all spools of this home into the database; return how many entries were new.

    Args:
        timeout: Seconds after which the rest is left to others.

    Raises:
        Unavailable: The database cannot be reached, or is read-only; the entries wait on.
        SchemaMismatch: Its tables are of another version, or missing; the entries wait on.
        ValueError: A setting is malformed.
    """
    settings = config.load()
    if settings.url is None:
        return 0
    deadline = monotonic() + timeout
    found = folder.look(settings.spool)
    if not found.segments:
        return 0
    database = of(settings)
    prepare(database)
    made = 0
    for stem in found.segments:
        mine = own.of(stem)
        if mine is None:
            made += ingest(database, settings, stem, deadline)
            continue
        with mine.lock:
            made += ingest(database, settings, stem, deadline, mine.claim)
    return made


def ingest(
    database: Database, settings: config.Config, stem: str, deadline: float, claim: Claim | None = None
) -> int:
    """Bring the spool of one writer into the database; return how many entries were new.

    Args:
        database: Its tables are there.
        settings: Whose home it is.
        stem: What the writer's files begin with.
        deadline: Monotonic seconds at which the rest is left.
        claim: The writer's own, held open; the caller sees that one thread uses it at a time.

    Raises:
        sqlalchemy.exc.SQLAlchemyError, Unavailable: The database refused; what it has not, waits on.
        OSError: A segment cannot be read.
    """
    held = claim or Claim(settings.spool, stem)
    try:
        if not held.take():
            return 0  # somebody else is at it
        return _drain(database, settings, stem, held, deadline)
    finally:
        if claim is None:
            held.close()
        else:
            held.let_go()


def _drain(database: Database, settings: config.Config, stem: str, claim: Claim, deadline: float) -> int:
    made = 0
    gone = True
    numbers = folder.look(settings.spool).segments.get(stem, [])
    for number in numbers:
        at = claim.position()
        path = folder.segment_path(settings.spool, stem, number)
        followed = number != numbers[-1]  # its writer has gone on, so nothing is added to it
        if number < at.number:
            path.unlink(missing_ok=True)
            continue
        begin = Position(number, at.offset if number == at.number else 0)
        done, new = _segment(database, settings, path, claim, begin, deadline, followed)
        made += new
        if not done:
            gone = False
            break
        path.unlink(missing_ok=True)
    if gone:
        claim.remove()
    return made


def _segment(
    database: Database,
    settings: config.Config,
    path: Path,
    claim: Claim,
    at: Position,
    deadline: float,
    followed: bool,
) -> tuple[bool, int]:
    """Ingest one segment; return whether all of it was, and nothing more will come, and how many were new."""
    made = 0
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        writer = writer_of(descriptor, path)
        offset = at.offset
        while True:
            final = followed or is_closed(descriptor)  # asked first: what is read then is all there will be
            chunk = read(descriptor, offset, writer, settings.private, final=final)
            if chunk.offset == offset:
                return final, made
            if chunk.damaged:
                chunk.rows.append(_damage(writer, path, offset, chunk))
            if chunk.rows:
                with database.transaction() as execute:
                    made += insert.many(execute, chunk.rows, sqlite=database.is_sqlite)
            if chunk.damaged:
                count("audit.spool.damaged", chunk.damaged)
                emit(AuditGap, NO_TRACE, count=chunk.damaged, reason="damaged lines in the spool")
            offset = chunk.offset
            claim.advance(Position(at.number, offset))
            if monotonic() > deadline:
                return False, made
            sleep(_PAUSE_S)  # let go of the interpreter: a chunk is the longest we hold it
    finally:
        os.close(descriptor)


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
    damaged = 0
    reached = offset
    for one in line.read(data, offset):
        reached = one.end
        try:
            if one.kind == line.EVENTS:
                made += _rows(one, writer, private)
            elif one.kind == line.ROW:
                made.append(rows.decode(one.payload))
            elif one.kind != line.WRITER:
                damaged += one.entries
        except ValueError:
            damaged += one.entries
        if len(made) >= CHUNK:
            break
    if final and reached == offset and data:
        count("audit.spool.torn")  # never acknowledged
        reached = offset + len(data)
    return Chunk(made, reached, damaged)


def _rows(given: line.Line, writer: str, private: frozenset[str]) -> list[Row]:
    """Return the rows of a line of events; ValueError where it is none."""
    return [
        row_of_spooled(event, given.ordinal + number, writer, occurred_at, private)
        for number, (occurred_at, event) in enumerate(batch.decode(given.payload, given.occurred_at))
    ]


def writer_of(descriptor: int, path: Path) -> str:
    """Return whose segment it is, by its first line; by its name where that is damaged."""
    for one in line.read(os.pread(descriptor, 4096, 0), 0):
        if one.kind == line.WRITER:
            return str(orjson.loads(one.payload)["writer"])
        break
    pid, _, token = path.name.partition(".")[0].partition("-")
    return f"unknown/{pid}/{token}"


def is_closed(descriptor: int) -> bool:
    """Tell whether the writer of a segment has closed it, or is gone."""
    if not locks.take(descriptor):
        return False
    locks.let_go(descriptor)
    return True


def _damage(writer: str, path: Path, offset: int, chunk: Chunk) -> Row:
    """Return the entry that tells of damaged lines; the same whoever finds them."""
    told: dict[str, object] = {
        "count": chunk.damaged,
        "segment": path.name,
        "from": offset,
        "to": chunk.offset,
        "reason": "damaged lines in the spool",
    }
    digest = sha256(f"{path.name} {offset}".encode()).digest()
    made = gap_row(
        writer, told, time_ns(), (path.stat().st_mtime_ns // 1_000_000).to_bytes(6, "big") + digest[:10]
    )
    return sealed(made)
