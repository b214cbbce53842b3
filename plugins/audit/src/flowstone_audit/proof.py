"""Proofs for outsiders: that one entry is in the log, and that the log only grew.

An entry's proof is text in the form of C2SP (https://c2sp.org/tlog-proof), or JSON with the same content. Its
leaf is SHA-256 of ``0x00``, the row's hash, ``seq`` and ``inserted_at`` (8 bytes each, big-endian); the row's
hash is SHA-256 of the row's canonical text, which the proof carries. Private columns are not in it, only the
commitment to them.
"""

from __future__ import annotations

import struct
from base64 import b64encode
from bisect import bisect_left
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import orjson
from sqlalchemy import Connection, bindparam, select

from flowstone_audit import canonical, checkpoint, heads, stored
from flowstone_audit.checkpoint import Checkpoint
from flowstone_audit.errors import AuditError, NotFound
from flowstone_audit.kept_hashes import reader
from flowstone_audit.note import parse
from flowstone_audit.tables import log, seal
from flowstone_audit.tree import consistency, inclusion

FORMAT: Final = "flowstone-audit-proof/1"

_SEQS: Final = (
    select(seal.c.first_leaf, seal.c.seqs)
    .where(seal.c.first_leaf >= bindparam("first"))
    .order_by(seal.c.first_leaf)
    .limit(16)
)


class NotProven(AuditError):
    """What the database holds does not lead to its checkpoint; ``flowstone audit verify`` says what was done."""


class EntryProof(NamedTuple):
    """The proof that an entry is in the log.

    Attributes:
        row: Canonical text of the entry.
        seq: Its number.
        inserted_at: Unix microseconds.
        leaf: Index of its leaf, from 0.
        size: Leaves of the tree that the checkpoint signs.
        hashes: Siblings from the leaf up.
        note: The signed checkpoint.
    """

    row: bytes
    seq: int
    inserted_at: int
    leaf: int
    size: int
    hashes: tuple[bytes, ...]
    note: str

    @property
    def entry(self) -> dict[str, Any]:
        """The entry: its canonical text, and what the database gave."""
        return {"seq": self.seq, "inserted_at": self.inserted_at, "row": self.row.decode()}

    def document(self) -> dict[str, Any]:
        """Return the proof as JSON values; hashes in base64."""
        return {
            "format": FORMAT,
            "entry": self.entry,
            "index": self.leaf,
            "size": self.size,
            "hashes": [b64encode(one).decode() for one in self.hashes],
            "checkpoint": self.note,
        }

    def text(self) -> str:
        """Return the proof as C2SP's text; the line ``extra`` is ``entry`` as JSON."""
        lines = [
            "c2sp.org/tlog-proof@v1",
            f"extra {b64encode(orjson.dumps(self.entry)).decode()}",
            f"index {self.leaf}",
            *(b64encode(one).decode() for one in self.hashes),
        ]
        return "\n".join(lines) + f"\n\n{self.note}"


def of_entry(connection: Connection, seq: int) -> EntryProof:
    """Return the proof that the entry *seq* is in the log, under the newest checkpoint.

    Raises:
        NotFound: There is no such entry, or it is not sealed yet.
        NotProven: The entry is not what was sealed.
        SealBroken: The last seal was altered.
    """
    head = heads.last(connection)
    found = connection.execute(select(log).where(log.c.seq == seq)).one_or_none()
    if found is None:
        raise NotFound(f"there is no entry {seq}")
    index = leaf_of(connection, seq)
    if index is None or index >= head.size:  # sealed since the head was read
        raise NotFound(f"entry {seq} is not sealed yet; to do it now: flowstone audit seal")
    _, inserted_at, row = stored.of_row(found)
    leaf = canonical.leaf_hash(canonical.row_hash(row), seq, inserted_at)
    hashes = tuple(_read(lambda: inclusion.prove(head.size, index, reader(connection))))
    if not inclusion.verify(checkpoint.parse(parse(head.note)).root, head.size, index, leaf, hashes):
        raise NotProven(f"entry {seq} is not what was sealed; see: flowstone audit verify")
    return EntryProof(canonical.row_bytes(row), seq, inserted_at, index, head.size, hashes, head.note)


def of_growth(connection: Connection, old: Checkpoint, new: Checkpoint) -> list[bytes]:
    """Return the proof that the log at *new* begins with all of the log at *old*.

    Raises:
        NotProven: It does not: one of the checkpoints is of another history.
    """
    if old.origin != new.origin:
        raise NotProven(f"checkpoints of different logs: {old.origin}, {new.origin}")
    if old.size > new.size:
        raise NotProven(f"a log of {new.size} entries does not begin with one of {old.size}")
    proof = _read(lambda: consistency.prove(old.size, new.size, reader(connection)))
    if not consistency.verify(old.root, old.size, new.root, new.size, proof):
        raise NotProven(
            f"the log at {new.size} does not begin with the log at {old.size}: history was changed"
        )
    return proof


def checkpoint_at(connection: Connection, size: int | None = None) -> str:
    """Return the signed checkpoint of a size; the newest if not given.

    Raises:
        NotFound: No seal ended there.
    """
    wanted = select(seal.c.note).order_by(seal.c.first_leaf.desc()).limit(1)
    if size is not None:
        wanted = wanted.where(seal.c.first_leaf < size, seal.c.first_leaf + seal.c.leaves == size)
    found: str | None = connection.execute(wanted).scalar()
    if found is None:
        raise NotFound("nothing is sealed yet" if size is None else f"no checkpoint has the size {size}")
    return found


def leaf_of(connection: Connection, seq: int) -> int | None:
    """Return the index of an entry's leaf; None where no seal has it.

    It is in the first seal whose ``high`` reaches it, which is found by halving, or, sealed late, behind that.

    Raises:
        NotProven: The seals on the way were altered.
    """
    try:
        return _leaf_of(connection, seq)
    except (TypeError, ValueError, OverflowError, struct.error) as error:
        raise NotProven(f"a seal was altered: {error}; see: flowstone audit verify") from error


def _leaf_of(connection: Connection, seq: int) -> int | None:
    low, end = 0, heads.size(connection)
    while low < end:
        found = heads.seal_of_leaf(connection, (low + end) // 2)
        if found is None:
            return None
        if found.high < seq:
            low = _behind(low, found.first, found.leaves)
        else:
            end = found.first
    while page := connection.execute(_SEQS, {"first": low}).all():
        for first, packed in page:
            seqs = struct.unpack(f">{len(packed) // 8}Q", packed)
            at = bisect_left(seqs, seq)
            if at < len(seqs) and seqs[at] == seq:
                return int(first) + at
            low = _behind(low, first, len(seqs))
    return None


def _behind(low: int, first: int, leaves: int) -> int:
    """Return the index behind a seal, which lies beyond *low* unless the seal is not what it was."""
    if not low < first + leaves < 1 << 63:
        raise ValueError(f"{leaves} leaves from leaf {first} on")
    return first + leaves


def _read(prove: Callable[[], list[bytes]]) -> list[bytes]:
    try:
        return prove()
    except LookupError as error:
        raise NotProven(f"{error}; see: flowstone audit verify") from error
