"""The sealer: turns committed rows into Merkle batches, after the fact and beside the writers.

One row of the table of seals is one batch, and one insert, so a sealer may be killed at any instant. Its
primary key is the number of leaves before it, so of two sealers one is refused. Nothing is ever locked that a
writer waits for: PostgreSQL's lock only spares a second sealer work that would be refused.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from time import monotonic, sleep
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError, OperationalError

from flowstone.plugin import count
from flowstone_audit import anchors, checkpoint, engines, gaps, heads, note, signing, sweep
from flowstone_audit.columns import to_microseconds
from flowstone_audit.harvest import Harvest, Late, gather, in_chunks
from flowstone_audit.heads import Head
from flowstone_audit.keys import Signer
from flowstone_audit.tables import seal
from flowstone_audit.tree.frontier import Frontier

LIMIT: Final = 4096
"""Rows of one seal, at most (beside those that came late)."""

LOCK: Final = 0x666C6F777365616C
_AGAIN_S: Final = 0.02
_REPEATABLE: Final = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
_DURABLE: Final = text("SET LOCAL synchronous_commit = on")
_SNAPSHOT: Final = text(
    f"SELECT pg_try_advisory_xact_lock({LOCK}),"
    " CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint)"
)
_STAMP: Final = text("SELECT CAST(CAST(pg_current_xact_id() AS text) AS bigint)")


class Sealed(NamedTuple):
    """A seal that was made.

    Attributes:
        first_leaf: Index of its first leaf.
        leaves: How many.
        root: Root of the tree with them, 32 bytes.
        note: The signed checkpoint.
        late: Rows among them that had been given up for lost.
    """

    first_leaf: int
    leaves: int
    root: bytes
    note: str
    late: int

    @property
    def size(self) -> int:
        """Leaves of the tree with them."""
        return self.first_leaf + self.leaves


class _Grown(NamedTuple):
    first_leaf: int
    harvest: Harvest
    frontier: Frontier
    hashes: bytes


class _Refused(Exception):
    """The database took no seal on top of *size* leaves: there is one by now, or a guard objects."""

    def __init__(self, size: int, error: IntegrityError) -> None:
        super().__init__(size)
        self.size = size
        self.error = error


def seal_once(
    connection: Connection, signer: Signer, *, limit: int = LIMIT, late: Late | None = None
) -> Sealed | None:
    """Seal up to *limit* committed rows in one transaction; None if there are none, or another sealer won.

    Args:
        connection: In no transaction; in none when this returns.
        signer: Signs the checkpoint.
        limit: So many rows at most.
        late: Rows that the sweep found, to be sealed along.

    Raises:
        SealBroken: The last seal was altered: nothing is signed on top of it.
        sqlalchemy.exc.DBAPIError: The database refuses or cannot be reached.
    """
    seal_in = _seal_postgresql if connection.dialect.name == "postgresql" else _seal_sqlite
    try:
        made = seal_in(connection, signer, limit, late)
    except _Refused as refused:
        with connection.begin():
            overtaken = heads.size(connection) > refused.size
        if not overtaken:
            raise refused.error from None
        return None
    if made is not None and made.late:
        count("audit.sealed_late", made.late)
    return made


def seal_all(
    where: Engine | Connection,
    signer: Signer | None = None,
    *,
    timeout: float = 5.0,
    swept: bool | None = None,
    told: Callable[[Sealed], object] | None = None,
) -> int:
    """Seal all that is committed, publish the checkpoints to the anchors, and return how many rows it were.

    Args:
        where: The database, or a connection to it that is in no transaction.
        signer: Signs the checkpoints; made from the settings if not given.
        timeout: Seconds to wait for other sealers and, in SQLite, for writers.
        swept: Whether to look for rows that came later than any gap waited for; if not given, every ten
            minutes of a process, among the last million leaves.
        told: Called with each seal.

    Raises:
        SealBroken: The last seal was altered.
        KeyUnusable: The key's file cannot be read or made, or the log is sealed with another key.
        sqlalchemy.exc.DBAPIError: The database refuses or cannot be reached.
    """
    if isinstance(where, Engine):
        with where.connect() as connection:
            return seal_all(connection, signer, timeout=timeout, swept=swept, told=told)
    if signer is None:
        with where.begin():
            signer = signing.signer_of(where)
    total = 0
    for made in _seals(where, signer, sweep.when_due(where, swept), monotonic() + timeout):
        total += made.leaves
        if told is not None:
            told(made)
    anchors.publish(where)
    return total


def _seals(connection: Connection, signer: Signer, late: Late | None, deadline: float) -> Iterator[Sealed]:
    """Seal batch for batch until one is not full, or nothing is left."""
    while True:
        made = _patiently(connection, signer, late, deadline)
        late = None
        if made is not None:
            yield made
            if made.leaves < LIMIT:
                return
        elif not signer.is_kept or monotonic() > deadline or not _is_left(connection):
            return  # with a new key only the first seal can be made: another one was
        else:
            sleep(_AGAIN_S)


def _patiently(connection: Connection, signer: Signer, late: Late | None, deadline: float) -> Sealed | None:
    while True:
        try:
            return seal_once(connection, signer, late=late)
        except OperationalError as error:
            if not _is_busy(error) or monotonic() > deadline:
                raise
            sleep(_AGAIN_S)


def _is_busy(error: OperationalError) -> bool:
    """Tell whether SQLite says that others hold its lock (SQLITE_BUSY, SQLITE_LOCKED)."""
    return getattr(error.orig, "sqlite_errorcode", 0) & 0xFF in (5, 6)


def _is_left(connection: Connection) -> bool:
    with connection.begin():
        return heads.unsealed(connection) > 0


def _seal_postgresql(connection: Connection, signer: Signer, limit: int, late: Late | None) -> Sealed | None:
    with connection.begin():
        connection.execute(_REPEATABLE)
        connection.execute(_DURABLE)  # what is published must not be taken back by a crash
        alone, oldest = connection.execute(_SNAPSHOT).one()
        if not alone:
            return None
        head = heads.last(connection, signer.verifier)
        if head.size and not signer.is_kept:
            return None
        # Taken after the snapshot: who held a number by then has a smaller id.
        stamp = lambda: int(connection.execute(_STAMP).scalar_one())  # noqa: E731
        grown = _grow(head, gather(connection, head, limit, (oldest, stamp), late))
        return _write(connection, signer, grown) if grown.harvest.seqs else None


def _seal_sqlite(connection: Connection, signer: Signer, limit: int, late: Late | None) -> Sealed | None:
    with connection.begin():
        head = heads.last(connection, signer.verifier)
        harvest = gather(connection, head, limit, None, late)
    if not harvest.seqs or (head.size and not signer.is_kept):
        return None
    grown = _grow(head, harvest)
    with _write_lock(connection):
        return _write(connection, signer, grown) if heads.size(connection) == head.size else None


@contextmanager
def _write_lock(connection: Connection) -> Iterator[None]:
    """Hold SQLite's write lock: taken at once, for one that follows a read is refused while others write."""
    connection.execution_options(**{engines.IMMEDIATE: True})
    try:
        with engines.turn(connection), connection.begin():
            driver: Any = connection.connection.driver_connection
            if not driver.in_transaction:  # an engine that is not ours
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield
    finally:
        connection.execution_options(**{engines.IMMEDIATE: False})


def _grow(head: Head, harvest: Harvest) -> _Grown:
    frontier = Frontier(head.size, head.frontier)
    hashes = [one for chunk in in_chunks(harvest.leaves) for one in frontier.extend(chunk)]
    return _Grown(head.size, harvest, frontier, b"".join(hashes))


def _write(connection: Connection, signer: Signer, grown: _Grown) -> Sealed:
    """Sign and insert, and keep a new key; the commit is the caller's."""
    seqs, root, now = grown.harvest.seqs, grown.frontier.root(), datetime.now(UTC)
    high, left = grown.harvest.high, gaps.encode(grown.harvest.gaps)
    state = gaps.state(high, left)
    said = checkpoint.Checkpoint(signer.name, grown.frontier.size, root, to_microseconds(now), state)
    signed = note.write(said.text, signer)
    row = {
        "first_leaf": grown.first_leaf,
        "leaves": len(seqs),
        "seqs": struct.pack(f">{len(seqs)}Q", *seqs),
        "hashes": grown.hashes,
        "root": root,
        "frontier": grown.frontier.packed(),
        "high": high,
        "gaps": left,
        "note": signed,
        "sealed_at": now,
    }
    try:
        connection.execute(seal.insert(), row)
    except IntegrityError as error:
        raise _Refused(grown.first_leaf, error) from error
    signer.keep()  # not before: what is refused, such as for want of rights, leaves no key behind
    return Sealed(grown.first_leaf, len(seqs), root, signed, grown.harvest.late)
