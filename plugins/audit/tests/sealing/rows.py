"""Rows for the tests of sealing, and the truth about a database: what is in it, and whether it is sealed."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from itertools import count
from typing import NamedTuple

from sqlalchemy import Connection, Engine, select, text

from flowstone_audit import canonical, checkpoint, engines, insert, note
from flowstone_audit.columns import to_microseconds
from flowstone_audit.keys import VerifierKey
from flowstone_audit.row import VERSION, Row
from flowstone_audit.tables import log, seal
from flowstone_audit.tree.frontier import Frontier

_ordinals = count(1)


def row() -> Row:
    """Return an entry like no other."""
    now = time.time_ns() // 1000
    made = Row(*([None] * len(Row._fields)))  # type: ignore[arg-type]
    made = made._replace(
        v=VERSION,
        id=(now // 1000).to_bytes(6, "big") + os.urandom(10),
        event_type="rule.updated",
        actor_id="ann",
        actor_type="user",
        details="{}",
        writer=f"here/{os.getpid()}/00000000",
        ordinal=next(_ordinals),
        occurred_at=now,
    )
    return canonical.sealed(made)


def write(where: Engine | Connection, many: int) -> list[bytes]:
    """Write and, given an engine, commit rows; return their ids."""
    made = [row() for _ in range(many)]
    if isinstance(where, Connection):
        insert.rows(where, made)
    else:
        immediate = where.execution_options(**{engines.IMMEDIATE: True})
        with immediate.begin() as connection:
            insert.rows(connection, made)
    return [one.id for one in made]


class Truth(NamedTuple):
    """What a database holds.

    Attributes:
        ids: Of the committed rows, by seq.
        sealed: Sequence numbers in leaf order.
        notes: The checkpoints, oldest first.
        gaps: Of the last seal.
    """

    ids: list[bytes]
    sealed: list[int]
    notes: list[str]
    gaps: str


def truth(engine: Engine, keys: Sequence[VerifierKey]) -> Truth:
    """Return what *engine* holds, having made sure of everything that holds at any instant.

    Seals follow one another, each seq is sealed at most once and has its row, and each seal's hashes, root,
    frontier and note are those of a tree grown anew from the rows.
    """
    with engine.begin() as connection:
        # Seals first: what they name was committed before.
        seals = connection.execute(select(seal).order_by(seal.c.first_leaf)).all()
        rows = connection.execute(
            select(log.c.seq, log.c.inserted_at, log.c.row_hash, log.c.id).order_by(log.c.seq)
        ).all()
    leaf = {
        seq: canonical.leaf_hash(row_hash, seq, to_microseconds(inserted_at))
        for seq, inserted_at, row_hash, _ in rows
    }
    frontier, sealed = Frontier(), list[int]()
    for one in seals:
        assert frontier.size == one.first_leaf
        seqs = [int.from_bytes(one.seqs[at : at + 8], "big") for at in range(0, len(one.seqs), 8)]
        assert sorted(seqs) == seqs
        assert len(seqs) == one.leaves
        assert b"".join(frontier.extend(leaf[seq] for seq in seqs)) == one.hashes
        assert (frontier.root(), frontier.packed()) == (one.root, one.frontier)
        said = checkpoint.parse(note.verify(one.note, keys))
        assert (frontier.size, frontier.root()) == (said.size, said.root)
        sealed += seqs
    assert len(set(sealed)) == len(sealed), "sealed twice"
    last = seals[-1].gaps if seals else "[]"
    return Truth([bytes.fromhex(id) for *_, id in rows], sealed, [one.note for one in seals], last)


def all_sealed(engine: Engine, keys: Sequence[VerifierKey]) -> Truth:
    """Return what *engine* holds, having made sure that every row is sealed, once."""
    found = truth(engine, keys)
    with engine.begin() as connection:
        seqs = connection.execute(select(log.c.seq).order_by(log.c.seq)).scalars().all()
    assert list(seqs) == sorted(found.sealed)
    return found


def next_number(connection: Connection) -> None:
    """Skip a sequence number, as a row that is rolled back does."""
    connection.execute(text("SELECT nextval('flowstone_audit_log_seq')"))
