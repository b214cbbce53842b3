"""What a seal takes in: committed rows that no seal has yet, by name and never by a watermark.

Rows are read and hashed in chunks with pauses between them, for hashing holds the interpreter, and the
pipeline wants it too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from time import sleep
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, text

from flowstone_audit import gaps
from flowstone_audit.canonical import leaf_hash
from flowstone_audit.columns import to_microseconds
from flowstone_audit.gaps import Gap
from flowstone_audit.heads import Head

CHUNK: Final = 256
"""Rows between two pauses."""
PAUSE_S: Final = 0.0001

# A date that an owner made such as Python has none is read as NULL: the entries behind it are sealed all the same.
_MOMENTS: Final = {
    "sqlite": "inserted_at",
    "postgresql": (
        "CASE WHEN inserted_at BETWEEN '0001-01-02 00:00Z' AND '9999-12-30 00:00Z' THEN inserted_at END"
    ),
}
_ROW: Final = {
    name: f"SELECT seq, {moment}, row_hash FROM flowstone_audit_log"  # noqa: S608
    for name, moment in _MOMENTS.items()
}
_NEW: Final = {
    name: text(f"{select} WHERE seq > :high ORDER BY seq LIMIT :most") for name, select in _ROW.items()
}
_IN_GAPS: Final = text(
    f"SELECT l.seq, {_MOMENTS['postgresql']}, l.row_hash"  # noqa: S608
    " FROM unnest(CAST(:firsts AS bigint[]), CAST(:lasts AS bigint[])) AS g (a, b)"
    " JOIN flowstone_audit_log AS l ON l.seq BETWEEN g.a AND g.b ORDER BY l.seq LIMIT :most"
)
_NAMED: Final = {
    name: text(f"{select} WHERE seq IN :seqs ORDER BY seq").bindparams(bindparam("seqs", expanding=True))
    for name, select in _ROW.items()
}


class Late(NamedTuple):
    """Rows that the sweep found.

    Attributes:
        size: Leaves sealed when it looked; at another size its finding does not hold.
        seqs: Committed, not sealed, and no gap waits for them; ascending.
    """

    size: int
    seqs: tuple[int, ...]


class Harvest(NamedTuple):
    """The rows of one seal.

    Attributes:
        seqs: Ascending.
        leaves: Their leaf hashes.
        high: Greatest sequence number seen.
        gaps: Numbers below it that may still come.
        late: How many of the rows the sweep had to find.
    """

    seqs: list[int]
    leaves: list[bytes]
    high: int
    gaps: list[Gap]
    late: int


def gather(
    connection: Connection,
    head: Head,
    most: int,
    horizon: tuple[int, Callable[[], int]] | None,
    late: Late | None,
) -> Harvest:
    """Return what is committed and not sealed, at most *most* rows (and those that came late).

    Args:
        connection: To read with; in PostgreSQL in a snapshot (REPEATABLE READ).
        head: The last seal, of the same snapshot.
        most: So many rows.
        horizon: The oldest running transaction of the snapshot, and what takes a transaction id (only where
            there is a gap to be stamped); None where rows appear in the order of their numbers.
        late: What the sweep found.
    """
    named = late.seqs if late is not None and late.size == head.size else ()
    dialect = connection.dialect.name
    old: dict[int, bytes] = {}
    if head.gaps and horizon is not None:
        found = {"firsts": [gap.first for gap in head.gaps], "lasts": [gap.last for gap in head.gaps]}
        old.update(_leaves(connection, _IN_GAPS, {**found, "most": most}))
    full = len(old) >= most
    if named:
        old.update(_leaves(connection, _NAMED[dialect], {"seqs": list(named)}))
    new = dict(_leaves(connection, _NEW[dialect], {"high": head.high, "most": max(most - len(old), 1)}))
    arrived = sorted(old)
    left: list[Gap] = []
    if horizon is not None:
        oldest, stamp = horizon
        left = gaps.without(head.gaps, arrived)
        if not full:  # else rows may stand in gaps that were not read
            left = gaps.open_at(left, oldest)
        skipped = gaps.between(head.high, new)
        left += gaps.stamped(skipped, stamp()) if skipped else ()
    seqs = [*arrived, *new]
    leaves = [*(old[seq] for seq in arrived), *new.values()]
    return Harvest(seqs, leaves, max(head.high, seqs[-1] if new else 0), gaps.capped(left), len(named))


def _leaves(
    connection: Connection, statement: Any, parameters: Mapping[str, object]
) -> Iterator[tuple[int, bytes]]:
    result = connection.execute(statement, parameters)
    while chunk := result.fetchmany(CHUNK):
        for seq, inserted_at, row_hash in chunk:
            yield seq, _leaf(seq, inserted_at, row_hash)
        sleep(PAUSE_S)


def _leaf(seq: int, inserted_at: Any, row_hash: Any) -> bytes:
    """Return the leaf of a row, also of one that came past guards and checks: those after it wait."""
    moment = to_microseconds(inserted_at) if isinstance(inserted_at, datetime) else inserted_at
    if isinstance(row_hash, bytes) and isinstance(moment, int):
        return leaf_hash(row_hash, seq, moment)
    # What no good row has as its leaf, so that the verification names this one for good.
    return leaf_hash(repr((row_hash, inserted_at)).encode("utf-8", "replace"), seq, 0)


def in_chunks(leaves: list[bytes]) -> Iterator[list[bytes]]:
    """Yield *leaves* in chunks, pausing after each."""
    for at in range(0, len(leaves), CHUNK):
        yield leaves[at : at + CHUNK]
        sleep(PAUSE_S)
