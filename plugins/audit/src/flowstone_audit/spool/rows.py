"""Rows as JSON, for the spool: an array in the order of ``Row``, bytes as hex."""

from __future__ import annotations

from typing import Any, Final

import orjson

from flowstone_audit.row import Row

_BYTES: Final = tuple(Row._fields.index(name) for name in ("id", "nonce", "commitment", "row_hash"))
_TEXTS: Final = tuple(
    number for number, name in enumerate(Row._fields) if name not in ("v", "ordinal", "occurred_at")
)


def encode(row: Row) -> bytes:
    """Return *row* as compact JSON."""
    values: list[Any] = list(row)
    for number in _BYTES:
        if values[number] is not None:
            values[number] = values[number].hex()
    return orjson.dumps(values)


def decode(data: bytes) -> Row:
    """Return the row that *data* holds.

    Raises:
        ValueError: It is none.
    """
    values = orjson.loads(data)
    if not isinstance(values, list) or len(values) != len(Row._fields):
        raise ValueError("not a row: an array of its values was expected")
    for number in _TEXTS:
        if values[number] is not None and not isinstance(values[number], str):
            raise ValueError(f"not a row: {Row._fields[number]} is no text")
    for number in _BYTES:
        if values[number] is not None:
            values[number] = bytes.fromhex(values[number])
    return Row(*values)
