"""What SQLite is asked for entries: it writes their canonical form itself, one by one or of many in one value."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from flowstone_audit.row import PRIVATE, Row
from flowstone_audit.tree.hashing import SIZE
from flowstone_audit.verifying import kinds
from flowstone_audit.verifying.source import ERASED, TABLE, TEXTS

FROM: Final = f"FROM {TABLE} NOT INDEXED WHERE"  # an index that somebody made could say something else
_AT_ONCE: Final = 512  # more at once is slower: the values fall out of the processor's cache
_COLUMNS: Final = ", ".join(Row._fields)
_HELD: Final = ", ".join(PRIVATE[:-1])


def _has_blob(columns: Sequence[str]) -> str:
    """Return the condition that one of the columns holds bytes: nothing but these is as great as none of them.

    From SQLite 3.45 on ``json_array`` writes bytes that spell JSONB as the JSON they stand for, which is what a
    text in their place gives; before, it refuses all bytes.
    """
    if sqlite3.sqlite_version_info < (3, 45):
        return "false"
    return " OR ".join(f"{name} >= x''" for name in columns)


def _hex(column: str) -> str:
    return f"CASE WHEN {column} >= x'' THEN lower(hex({column})) END"


_HAS_NONCE, _HAS_COMMITMENT = (
    f"typeof({name}) = 'blob' AND length({name}) = {SIZE}" for name in ("nonce", "commitment")
)
_CANONICAL: Final = f"""
    CASE WHEN {_has_blob(("v", *TEXTS, "ordinal", "occurred_at"))} THEN NULL
    ELSE json_array(v, {_hex("id")}, {", ".join(TEXTS)}, ordinal, occurred_at, {_hex("commitment")}) END
"""
# All that is private in one column, which mostly is NULL: six values are read sooner than eight.
_PRIVATE: Final = f"""
    CASE WHEN coalesce(nonce, commitment, {_HELD}) IS NULL THEN NULL
        WHEN {_HAS_NONCE} AND {_HAS_COMMITMENT} AND NOT ({_has_blob(PRIVATE[:-1])})
        THEN CAST(nonce || commitment || json_array({_HELD}) AS BLOB)
        WHEN coalesce(nonce, {_HELD}) IS NULL AND {_HAS_COMMITMENT}
            AND EXISTS (SELECT 1 FROM flowstone_audit_erasure WHERE entry_id = id)
        THEN {ERASED} ELSE x'' END
"""  # noqa: S608
_CONTENT: Final = f"""
    SELECT seq, inserted_at, row_hash, CAST({_CANONICAL} AS BLOB), {_PRIVATE}, {kinds.expression()}
    {FROM}
"""
RANGE: Final = f"{_CONTENT} seq > ? AND seq <= ? ORDER BY seq LIMIT {_AT_ONCE}"
NAMED: Final = f"{_CONTENT} seq IN (SELECT value FROM json_each(?)) ORDER BY seq"  # noqa: S608
# Aggregates of texts leave NULL out, which stands for what is of another type or length: fewer come than numbers do.
BUNCH: Final = f"""
    SELECT json_group_array(seq), CAST(group_concat({_CANONICAL}, char(10)) AS BLOB),
        CAST(group_concat(CASE WHEN row_hash >= x'' AND length(row_hash) = {SIZE} THEN row_hash END, '') AS BLOB),
        json_group_array(CASE WHEN {_has_blob(["inserted_at"])} THEN NULL ELSE inserted_at END),
        count(coalesce(nonce, commitment, {_HELD})), sum({kinds.expression()})
    {FROM} seq > ? AND seq <= ?
"""
PRIVATE_OF_RANGE: Final = f"""
    SELECT seq, {_PRIVATE} {FROM} seq > ? AND seq <= ? AND coalesce(nonce, commitment, {_HELD}) IS NOT NULL
"""
ROWS: Final = (
    f"SELECT seq, inserted_at, {_COLUMNS} {FROM} seq IN (SELECT value FROM json_each(?)) ORDER BY seq"  # noqa: S608
)
