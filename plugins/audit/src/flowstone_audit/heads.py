"""Where sealing goes on: the last seal, held against itself before anything is signed on top of it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, select, text

from flowstone_audit import checkpoint, gaps, note
from flowstone_audit.checkpoint import Checkpoint
from flowstone_audit.errors import AuditError, SchemaMismatch
from flowstone_audit.gaps import Gap
from flowstone_audit.keys import VerifierKey
from flowstone_audit.tables import log, meta, seal
from flowstone_audit.tree.frontier import Frontier

_LAST = (
    select(
        seal.c.first_leaf,
        seal.c.leaves,
        seal.c.high,
        seal.c.gaps,
        seal.c.frontier,
        seal.c.root,
        seal.c.note,
    )
    .order_by(seal.c.first_leaf.desc())
    .limit(1)
)
_UP_TO = (
    select(seal.c.first_leaf, seal.c.leaves, seal.c.high)
    .where(seal.c.first_leaf <= bindparam("leaf"))
    .order_by(seal.c.first_leaf.desc())
    .limit(1)
)


class SealBroken(AuditError):
    """The last seal does not fit itself or its signature; what is built on it would sign a forgery."""


class Head(NamedTuple):
    """What the last seal left behind.

    Attributes:
        size: Leaves sealed so far.
        high: Greatest sequence number seen.
        gaps: Numbers below it that may still come.
        frontier: Roots of the full subtrees.
        note: The signed checkpoint; empty where nothing is sealed yet.
    """

    size: int
    high: int
    gaps: list[Gap]
    frontier: bytes
    note: str


class Seal(NamedTuple):
    """Which leaves a seal holds.

    Attributes:
        first: Index of its first leaf.
        leaves: How many.
        high: Greatest sequence number seen until then.
    """

    first: int
    leaves: int
    high: int


def last(connection: Connection, key: VerifierKey | None = None) -> Head:
    """Return what the last seal left behind.

    Args:
        connection: To read with.
        key: Its signatures are checked; those of other keys are left to ``flowstone audit verify``.

    Raises:
        SealBroken: The seal was altered.
    """
    found = connection.execute(_LAST).one_or_none()
    if found is None:
        return Head(0, 0, [], b"", "")
    first, leaves, high, gap_text, frontier, root, signed = found
    size = first + leaves
    try:
        said = _check(Frontier(size, frontier), root, signed, key)
        if said.state is not None and said.state != gaps.state(high, gap_text):
            raise ValueError("high and gaps are not those that were signed")
        return Head(size, high, gaps.decode(gap_text), frontier, signed)
    except ValueError as error:
        raise SealBroken(f"the last seal (leaves {first} to {size - 1}) was altered: {error}") from error


def _check(frontier: Frontier, root: bytes, signed: str, key: VerifierKey | None) -> Checkpoint:
    said = checkpoint.parse(note.parse(signed))
    if (frontier.root(), said.root, said.size) != (root, root, frontier.size):
        raise ValueError("root, frontier and checkpoint differ")
    if key is not None:
        with suppress(note.NotSigned):
            note.verify(signed, [key])
    return said


def newest_note(connection: Connection) -> str:
    """Return the checkpoint of the last seal, with no look at what it says; empty where nothing is sealed."""
    found = connection.execute(_LAST).one_or_none()
    return "" if found is None else str(found.note)


def size(connection: Connection) -> int:
    """Return how many leaves are sealed, with no look at what the seal says."""
    found = connection.execute(_LAST).one_or_none()
    return 0 if found is None else int(found[0] + found[1])


def seal_of_leaf(connection: Connection, leaf: int) -> Seal | None:
    """Return the seal that holds a leaf; of one that is not sealed yet the last seal; None if there is none."""
    found = connection.execute(_UP_TO, {"leaf": leaf}).one_or_none()
    return None if found is None else Seal(*found)


def log_id(connection: Connection) -> str:
    """Return the log's id, UUID text.

    Raises:
        SchemaMismatch: There is none.
    """
    found: Any = connection.execute(select(meta.c.value).where(meta.c.key == "log_id")).scalar()
    if found is None:
        raise SchemaMismatch("the audit log has no log_id; see: flowstone audit migrate")
    return str(found)


def unsealed(connection: Connection) -> int:
    """Return how many committed entries are not sealed yet; those that only the sweep finds do not count."""
    head = last(connection)
    count = text(f"SELECT count(*) FROM {log.name} WHERE seq > :high")  # noqa: S608
    above = int(connection.execute(count, {"high": head.high}).scalar_one())
    return above + sum(_arrived(connection, gap) for gap in head.gaps)


def _arrived(connection: Connection, gap: Gap) -> int:
    count = text(f"SELECT count(*) FROM {log.name} WHERE seq BETWEEN :first AND :last")  # noqa: S608
    return int(connection.execute(count, {"first": gap.first, "last": gap.last}).scalar_one())
