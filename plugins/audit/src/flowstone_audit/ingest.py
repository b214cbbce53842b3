"""From the spools into the database: in order, at least once, and by their ids exactly once."""

from __future__ import annotations

import os
from pathlib import Path
from time import monotonic, sleep
from typing import Final, NamedTuple

from sqlalchemy.exc import SQLAlchemyError

from flowstone.plugin import NO_TRACE, count, emit
from flowstone_audit import config, insert, refusing, spooled
from flowstone_audit.database import Database, of
from flowstone_audit.errors import SchemaMismatch, Unavailable
from flowstone_audit.events import AuditGap
from flowstone_audit.opening import prepare
from flowstone_audit.row import Row
from flowstone_audit.spool import aside, folder, line, own, rows
from flowstone_audit.spool.claim import Claim, Position

_PAUSE_S: Final = 0.0005
TROUBLE: Final = (Unavailable, SchemaMismatch, SQLAlchemyError, OSError)
"""What keeps entries in the spool for now."""
_DAMAGED: Final = "damaged lines in the spool"
_REFUSED: Final = "the database refused the entry"


def catch_up(timeout: float = 5.0) -> int:
    """Bring what waits in all spools of this home into the database; return how many entries were new.

    A spool that cannot be brought in keeps no other waiting; the first trouble is raised at the end.

    Args:
        timeout: Seconds after which the rest is left for later, of that spool and of all others; those that wait
            longest come first.

    Raises:
        Unavailable: The database cannot be reached, or is read-only; the entries wait on.
        SchemaMismatch: Its tables are of another version, or missing; the entries wait on.
        OSError: A spool cannot be read; all others were brought in.
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
    trouble: Exception | None = None
    for stem, numbers in found.segments.items():
        try:
            made += _ingest(database, settings, stem, numbers, deadline)
        except Exception as error:  # whatever is in one spool, it must not keep those of others waiting
            if isinstance(error, OSError):
                error.filename = error.filename or str(settings.spool / stem)
            trouble = trouble or error
        if monotonic() > deadline:
            break
    if trouble is not None:
        raise trouble
    return made


def _ingest(
    database: Database, settings: config.Config, stem: str, numbers: list[int], deadline: float
) -> int:
    """Ingest a spool, by the claim that is held open where it is this process's own."""
    mine = own.of(stem)
    if mine is None:
        return ingest(database, settings, stem, numbers, deadline)
    with mine.lock:
        return ingest(database, settings, stem, numbers, deadline, mine.claim)


def ingest(
    database: Database,
    settings: config.Config,
    stem: str,
    numbers: list[int],
    deadline: float,
    claim: Claim | None = None,
) -> int:
    """Bring the spool of one writer into the database; return how many entries were new.

    Args:
        database: Its tables are there.
        settings: Whose home it is.
        stem: What the writer's files begin with.
        numbers: Of its segments, as they were seen a while ago, ascending.
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
        return _drain(database, settings, stem, numbers, held, deadline)
    finally:
        if claim is None:
            held.close()
        else:
            held.let_go()


def _drain(
    database: Database, settings: config.Config, stem: str, numbers: list[int], claim: Claim, deadline: float
) -> int:
    made = 0
    gone = True
    for number in numbers:
        at = claim.position()
        path = folder.segment_path(settings.spool, stem, number)
        followed = number != numbers[-1]  # its writer has gone on, so nothing is added to it
        if not path.exists():  # somebody else was at it since it was seen
            continue
        # Only what was read here is removed: a position is a hint, and what is sent again is ignored.
        begin = Position(number, at.offset if number == at.number else 0)
        done, new = _segment(database, settings, path, claim, begin, deadline, followed)
        made += new
        if not done:
            gone = False
            break
        path.unlink(missing_ok=True)
    if gone and claim.position().number <= numbers[-1]:  # else somebody else has begun with a later segment
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
        segment = _Segment(path, spooled.writer_of(descriptor, path))
        offset = at.offset if spooled.begins_line(descriptor, at.offset) else 0
        while True:
            final = followed or spooled.is_closed(descriptor)  # asked first: what is read then is all
            chunk = spooled.read(descriptor, offset, segment.writer, settings.private, final=final)
            if chunk.offset == offset:
                return final, made
            made += _inserted(database, segment, offset, chunk)
            offset = chunk.offset
            claim.advance(Position(at.number, offset))
            if monotonic() > deadline:
                return False, made
            sleep(_PAUSE_S)  # let go of the interpreter: a chunk is the longest we hold it
    finally:
        os.close(descriptor)


class _Segment(NamedTuple):
    """A file of a spool, and whose it is."""

    path: Path
    writer: str

    def tell(self, lines: tuple[bytes, ...], lost: int, reason: str) -> None:
        """Keep lines aside that did not come into the log, and say so."""
        aside.keep(self.path.parent, self.path.name.partition(".")[0], lines)
        count("audit.spool.damaged", lost)
        emit(AuditGap, NO_TRACE, count=lost, reason=reason)


def _inserted(database: Database, segment: _Segment, offset: int, chunk: spooled.Chunk) -> int:
    """Insert a chunk; what the database refuses for good is told as a gap, as damaged lines are."""
    given = chunk.rows
    if chunk.damaged:
        told = (offset, chunk.offset, chunk.damaged, _DAMAGED)
        given = [*given, spooled.gap(segment.writer, segment.path, *told)]
    made = 0
    try:
        if given:
            made = _taken(database, given)
    except Exception as error:  # of a driver's, or Python's own for what no driver can send
        if not refusing.is_for_good(error):
            raise
        made = sum(_one(database, segment, (offset, chunk.offset), row) for row in given)
    if chunk.damaged:
        segment.tell(chunk.aside, chunk.damaged, _DAMAGED)
    return made


def _one(database: Database, segment: _Segment, where: tuple[int, int], row: Row) -> int:
    """Insert one row by itself, or in its place the gap that tells of it."""
    try:
        return _taken(database, [row])
    except Exception as error:  # as above
        if not refusing.is_for_good(error):
            raise
    gap = spooled.gap(segment.writer, segment.path, *where, 1, _REFUSED, f" {row.id.hex()}")
    made = _taken(database, [gap])
    kept = line.write(line.ROW, row.ordinal, row.occurred_at, rows.encode(row))
    segment.tell((kept,), 1, _REFUSED)
    return made


def _taken(database: Database, given: list[Row]) -> int:
    with database.transaction() as execute:
        return insert.many(execute, given, sqlite=database.is_sqlite)
