"""What is hashed, byte for byte.

A row is hashed by its writer, as JSON text of an array of its values: ``details`` as the stored text, never
parsed and written anew, for two JSON libraries (or PostgreSQL's jsonb) do not write ``1e22`` alike. The
sealer adds what the database gave: the leaf of RFC 6962 §2.1 over row hash, ``seq`` and ``inserted_at``.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import orjson

from flowstone_audit.row import HASHED, Row

_COUNT = len(HASHED) - 1  # the commitment comes last
_ORDINAL, _OCCURRED, _PRIVATE, _NONCE, _COMMITMENT = map(
    Row._fields.index, ("ordinal", "occurred_at", "client_ip", "nonce", "commitment")
)


def row_bytes(row: Row) -> bytes:
    """Return the canonical form of *row*: a JSON array of ``HASHED``, UTF-8, no spaces.

    Bytes are lower-case hex; what is not given is ``null``. ``json.dumps(values, ensure_ascii=False,
    separators=(",", ":"))`` of the standard library writes the same bytes.
    """
    return _bytes(list(row))


def _bytes(values: list[Any]) -> bytes:
    commitment = values[_COMMITMENT]
    hashed = values[:_COUNT]
    hashed[1] = hashed[1].hex()
    hashed.append(commitment.hex() if commitment is not None else None)
    return orjson.dumps(hashed)


def row_hash(row: Row) -> bytes:
    """Return SHA-256 of the canonical form, 32 bytes."""
    return sha256(row_bytes(row)).digest()


def commitment(nonce: bytes, client_ip: str | None, user_agent: str | None, private: str | None) -> bytes:
    """Return the commitment to the private columns: SHA-256 of nonce and JSON array, 32 bytes.

    With the nonce gone nobody can find out what was committed to by trying.
    """
    return sha256(nonce + orjson.dumps([client_ip, user_agent, private])).digest()


def leaf_hash(row_hash: bytes, seq: int, inserted_at: int) -> bytes:
    """Return the leaf of a sealed row: SHA-256 of ``0x00 || row_hash || seq || inserted_at``, 32 bytes.

    Args:
        row_hash: 32 bytes.
        seq: 8 bytes, big-endian, when hashed.
        inserted_at: Unix microseconds; 8 bytes, big-endian, when hashed.
    """
    return sha256(b"\0" + row_hash + seq.to_bytes(8, "big") + inserted_at.to_bytes(8, "big")).digest()


def sealed(row: Row) -> Row:
    """Return *row* with its ``commitment`` (where something is private) and ``row_hash`` filled in."""
    return placed(row, row.ordinal, row.occurred_at)


def placed(draft: Row, ordinal: int, occurred_at: int) -> Row:
    """Return *draft* with its place among the writer's entries, and sealed."""
    values: list[Any] = list(draft)
    values[_ORDINAL], values[_OCCURRED] = ordinal, occurred_at
    if values[_NONCE] is not None:
        values[_COMMITMENT] = commitment(values[_NONCE], *values[_PRIVATE:_NONCE])
    values[-1] = sha256(_bytes(values)).digest()
    return Row._make(values)
