"""One audit entry as it is written: plain values, in the order in which they are hashed."""

from __future__ import annotations

from typing import Final, NamedTuple

VERSION: Final = 1
"""Version of the canonical form; a form with other fields is another version, and old rows keep theirs."""

MOMENTS: Final = range(253_402_214_400_000_000)
"""Unix microseconds that an entry can have happened at: from 1970 to before 9999-12-31, as the guards have it."""


class Row(NamedTuple):
    """What the writer knows of an entry. The database adds ``seq`` and ``inserted_at``.

    Texts are valid Unicode without NUL (PostgreSQL cannot hold it). None means: not given.

    Attributes:
        v: Version of the canonical form.
        id: 16 bytes, the first six Unix milliseconds; of a lifecycle event its event id.
        event_type: Such as ``materialization.stop`` or ``rule.updated``.
        actor_id: Who did it.
        actor_type: ``system``, ``user`` or ``api``.
        resource_type: What kind of thing it was done to, such as ``asset``.
        resource_id: Which one.
        action: What was done.
        outcome: ``started``, ``success``, ``failure`` or ``denied``.
        details: The rest, the exact text of a JSON object.
        correlation_id: Finds what belongs together.
        trace_id: 32 hex digits.
        span_id: 16 hex digits.
        run_id: The orchestrator's.
        writer: Which process wrote it: ``host/pid/8 hex digits``.
        ordinal: The writer's own count of its entries, from 1; a gap in it is an entry that is missing.
        occurred_at: Unix microseconds by the writer's clock, never less than of the writer's entry before.
        client_ip: Private: where the request came from.
        user_agent: Private: with what.
        private: Private: the exact text of a JSON object with the details that may have to be erased.
        nonce: Private: 32 random bytes; None where nothing is private.
        commitment: 32 bytes, see ``canonical.commitment``; None where nothing was private from the beginning.
        row_hash: 32 bytes, see ``canonical.row_hash``.
    """

    v: int
    id: bytes
    event_type: str
    actor_id: str
    actor_type: str
    resource_type: str | None
    resource_id: str | None
    action: str | None
    outcome: str | None
    details: str
    correlation_id: str | None
    trace_id: str | None
    span_id: str | None
    run_id: str | None
    writer: str
    ordinal: int
    occurred_at: int
    client_ip: str | None
    user_agent: str | None
    private: str | None
    nonce: bytes | None
    commitment: bytes | None
    row_hash: bytes


class Stored(NamedTuple):
    """An entry as the database holds it.

    Attributes:
        seq: Its place in the log, given by the database, from 1.
        inserted_at: Unix microseconds by the database's clock (SQLite: the writer's, bounded by a trigger).
        row: What the writer wrote.
    """

    seq: int
    inserted_at: int
    row: Row


PRIVATE: Final = ("client_ip", "user_agent", "private", "nonce")
"""The columns that may be erased; what they held is bound by ``commitment``."""

HASHED: Final = tuple(name for name in Row._fields if name not in (*PRIVATE, "row_hash"))
"""The columns under ``row_hash``, in its order."""
