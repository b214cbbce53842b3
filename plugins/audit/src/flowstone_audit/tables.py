"""The tables as SQLAlchemy sees them, for queries. Alembic's revisions make them, with guards and roles."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, LargeBinary, MetaData, SmallInteger, Table, Text

from flowstone_audit.columns import Id, Moment, Sequence

metadata: Final = MetaData()

log: Final = Table(
    "flowstone_audit_log",
    metadata,
    Column("seq", Sequence, primary_key=True),
    Column("inserted_at", Moment, nullable=False),
    Column("v", SmallInteger, nullable=False),
    Column("id", Id, nullable=False, unique=True),
    Column("event_type", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("actor_type", Text, nullable=False),
    Column("resource_type", Text),
    Column("resource_id", Text),
    Column("action", Text),
    Column("outcome", Text),
    Column("details", Text, nullable=False),
    Column("correlation_id", Text),
    Column("trace_id", Text),
    Column("span_id", Text),
    Column("run_id", Text),
    Column("writer", Text, nullable=False),
    Column("ordinal", BigInteger, nullable=False),
    Column("occurred_at", Moment, nullable=False),
    Column("client_ip", Text),
    Column("user_agent", Text),
    Column("private", Text),
    Column("nonce", LargeBinary),
    Column("commitment", LargeBinary),
    Column("row_hash", LargeBinary, nullable=False),
)
"""One row an entry; insert-only."""

seal: Final = Table(
    "flowstone_audit_seal",
    metadata,
    Column("first_leaf", Sequence, primary_key=True, autoincrement=False),
    Column("leaves", BigInteger, nullable=False),
    Column("seqs", LargeBinary, nullable=False),
    Column("hashes", LargeBinary, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("frontier", LargeBinary, nullable=False),
    Column("high", BigInteger, nullable=False),
    Column("gaps", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("sealed_at", Moment, nullable=False),
)
"""One row a Merkle batch; insert-only.

first_leaf: index of its first leaf in the tree, from 0; the primary key, so that two sealers cannot both win.
leaves: how many. seqs: the ``seq`` of each leaf, 8 bytes each, big-endian, in leaf order.
hashes: the tree's stored hashes that these leaves complete, 32 bytes each (RFC 9162 tree, layout of Go's
sumdb/tlog: after each leaf the subtrees it completes). root: 32 bytes, of the tree after this batch.
frontier: roots of the full subtrees after this batch, largest first, 32 bytes each.
high: greatest ``seq`` seen. gaps: JSON, the numbers below ``high`` that were not seen and may still come.
note: the signed checkpoint (C2SP tlog-checkpoint). sealed_at: the sealer's clock.
"""

meta: Final = Table(
    "flowstone_audit_meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
"""What is said once and never changed: ``log_id`` (UUID text), made by the migration."""

erasure: Final = Table(
    "flowstone_audit_erasure",
    metadata,
    Column("entry_id", Id, primary_key=True),
    Column("request", Text, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("erased_at", Moment, nullable=False),
)
"""Permission to erase an entry's private columns, one row an entry; insert-only."""

floor: Final = Table(
    "flowstone_audit_floor",
    metadata,
    Column("through_seq", Sequence, primary_key=True, autoincrement=False),
    Column("retain_days", BigInteger, nullable=False),
    Column("archive_digest", LargeBinary),
    Column("set_at", Moment, nullable=False),
)
"""Up to where entries may be deleted once they are older than ``retain_days``; insert-only, both only grow."""
