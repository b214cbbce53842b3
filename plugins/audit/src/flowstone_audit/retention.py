"""Deletes old entries by the rules: archived with their proofs, below a floor that only grows.

The seals stay, so an archived entry can be proven against every checkpoint there ever was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, delete, func, insert, select, text

from flowstone_audit import (
    archive,
    archive_check,
    checkpoint,
    config,
    database,
    heads,
    permission,
    signing,
    writer,
)
from flowstone_audit.archive_form import ArchiveBroken, Header, read_header
from flowstone_audit.details import text as redacted
from flowstone_audit.errors import AuditError, NotFound
from flowstone_audit.keys import VerifierKey
from flowstone_audit.reading import reading
from flowstone_audit.tables import floor, log

_AT_ONCE: Final = 1000
_PATIENCE_S: Final = 30.0
_MARGIN: Final = timedelta(seconds=10)
"""What clocks may differ by: the database's own decides in the end."""

_YOUNG: Final = select(log.c.seq).where(log.c.inserted_at >= bindparam("cutoff")).order_by(log.c.seq).limit(1)
_DELETE: Final = delete(log).where(log.c.seq.in_(bindparam("seqs", expanding=True)))


class Plan(NamedTuple):
    """What a prune would do.

    Attributes:
        retain_days: Days that entries are kept.
        cutoff: Only entries that were inserted before it go.
        scope: The sealed entries that go; None where there is none.
        floor: How far entries could be deleted before, by number.
    """

    retain_days: int
    cutoff: datetime
    scope: archive.Scope | None
    floor: int


class EntriesMissing(AuditError):
    """Sealed entries were deleted by somebody else than a prune."""


class RetentionShorter(AuditError, ValueError):
    """Retention only grows: the log was told once to keep entries for longer."""


def plan(connection: Connection, retain_days: int) -> Plan:
    """Return what of the log is older than *retain_days* and sealed.

    Raises:
        RetentionShorter: The log was told to keep entries for longer.
        EntriesMissing: Sealed entries are gone that no prune has deleted.
        ValueError: It is less than a day.
    """
    if retain_days < 1:
        raise ValueError(f"entries are kept for 1 day at least, not {retain_days}")
    through, days = connection.execute(
        select(
            func.coalesce(func.max(floor.c.through_seq), 0), func.coalesce(func.max(floor.c.retain_days), 0)
        )
    ).one()
    if retain_days < days:
        raise RetentionShorter(
            f"this log keeps entries for {days} days; that can only grow, not {retain_days}"
        )
    cutoff = datetime.now(UTC) - timedelta(days=retain_days) - _MARGIN
    young = connection.execute(_YOUNG, {"cutoff": cutoff}).scalar()
    last = heads.last(connection).high if young is None else young - 1
    scope = archive.scope(connection, last, through) if last > 0 else None
    if scope is not None and scope.missing:
        raise EntriesMissing(
            f"{len(scope.missing)} sealed entries are not in the log and were not pruned, first {scope.missing[0]};"
            " a prune would cover that up. See: flowstone audit verify"
        )
    return Plan(retain_days, cutoff, scope, through)


@contextmanager
def snapshot() -> Iterator[Connection]:
    """Yield a connection in a transaction that sees one state of the database, for reading.

    What waits in spools comes in first.

    Raises:
        Unavailable: The database cannot be reached.
        SchemaMismatch: It has no audit tables, or those of a later version.
    """
    with reading():
        pass
    with database.connect() as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        yield connection


def prune(
    path: Path,
    found: Plan,
    *,
    by: str,
    private: bool = True,
    told: Callable[[int], object] | None = None,
) -> Header:
    """Archive what *found* names to *path*, verify the archive, set the floor, delete the entries.

    Entries ``audit.pruned`` tell of it before anything is deleted and when it is done. Whatever interrupts
    it: what is not in a verified archive is not deleted, and the next prune goes on.

    Args:
        path: The archive's file; it must not exist.
        found: From `plan`.
        by: Who does it.
        private: Whether the private columns go along into the archive.
        told: Called with the number of leaves that were written, read, and entries deleted, now and then.

    Raises:
        ArchiveBroken: What was written does not verify: the log was tampered with; nothing was deleted, and
            the file is removed again.
        NotFound: There is nothing to prune.
        FileExistsError: *path* is there.
        Unavailable: The database cannot be reached, or stayed busy.
        NotPermitted: This user may not; nothing was written.
        NotRecorded: It cannot be put on record; nothing was deleted.
        sqlalchemy.exc.DBAPIError: The database refuses.
    """
    through = _may(found)
    with snapshot() as connection:
        header = archive.write(path, connection, through=through, private=private, told=told)
    digest = _checked(path, header, told)
    facts = _facts(path, header, found, digest)
    _record("started", by, facts)
    _set_floor(through, found, digest)
    _delete(path, told)
    _record("success", by, facts)
    return header


def _may(found: Plan) -> int:
    """Return up to which number entries go, where there are some and this user may."""
    if found.scope is None:
        raise NotFound(f"no sealed entry is older than {found.retain_days} days")
    permission.see_eraser(database.of(config.load()), "pruning")
    return found.scope.through_seq


def _facts(path: Path, header: Header, found: Plan, digest: bytes) -> dict[str, object]:
    return {
        "archive": redacted(path.name),
        "sha256": digest.hex(),
        "entries": header.rows,
        "through_seq": found.scope.through_seq if found.scope is not None else 0,
        "retain_days": found.retain_days,
        "tree_size": header.tree_size,
    }


def _checked(path: Path, header: Header, told: Callable[[int], object] | None) -> bytes:
    """Return the digest of an archive that verifies; one that does not is removed."""
    digest = b""
    try:
        digest = archive_check.check(path, _keys(header), told).digest
    except ArchiveBroken as error:
        raise ArchiveBroken(
            f"nothing was deleted: the archive does not verify ({error}), and {path} was removed again;"
            " see: flowstone audit verify"
        ) from error
    finally:
        if not digest:  # nothing rests on it, and it would be in the way of the next try
            path.unlink(missing_ok=True)
    return digest


def _delete(path: Path, told: Callable[[int], object] | None) -> None:
    for seqs in _chunks(path):
        with database.of(config.load()).writing(_PATIENCE_S) as connection:
            connection.execute(_DELETE, {"seqs": seqs})
        if told is not None:
            told(len(seqs))


def _keys(header: Header) -> list[VerifierKey]:
    """Return the keys of the log that this machine has; without any the tree is verified alone."""
    return list(signing.own(config.load().key, checkpoint.origin(header.log_id)))


def _set_floor(through: int, found: Plan, digest: bytes) -> None:
    if through <= found.floor:
        return  # what a prune that was interrupted left behind: the floor is above it already
    values = {
        "through_seq": through,
        "retain_days": found.retain_days,
        "archive_digest": digest,
        "set_at": datetime.now(UTC),
    }
    with database.of(config.load()).writing(_PATIENCE_S) as connection:
        connection.execute(insert(floor), values)


def _chunks(path: Path) -> Iterator[list[int]]:
    """Yield the numbers of the entries in an archive: these are deleted, and nothing that came since."""
    import orjson

    with path.open("rb") as file:
        read_header(file.readline())
        some: list[int] = []
        for line in file:
            values: dict[str, Any] = orjson.loads(line)
            if "seq" in values:
                some.append(values["seq"])
            if len(some) == _AT_ONCE:
                yield some
                some = []
        if some:
            yield some


def _record(outcome: str, by: str, facts: dict[str, object]) -> None:
    writer.log_own("audit.pruned", by=by, action="prune", outcome=outcome, details=facts)
