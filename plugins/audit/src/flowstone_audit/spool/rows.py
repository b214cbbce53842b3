"""Rows as JSON, for the spool: an array in the order of ``Row``, bytes as hex."""

from __future__ import annotations

import json
from typing import Any, Final

import orjson

from flowstone_audit import canonical
from flowstone_audit.limits import ACTOR_TYPES
from flowstone_audit.row import MOMENTS, VERSION, Row
from flowstone_audit.texts import OUTCOMES

_BYTES: Final = {"id": 16, "nonce": 32, "commitment": 32, "row_hash": 32}
_NUMBERS: Final = ("v", "ordinal", "occurred_at")
_NEEDED: Final = frozenset({"id", "event_type", "actor_id", "actor_type", "details", "writer", "row_hash"})
_HEX: Final = tuple((Row._fields.index(name), size) for name, size in _BYTES.items())
_TEXTS: Final = tuple(number for number, name in enumerate(Row._fields) if name not in {*_BYTES, *_NUMBERS})
_ALWAYS: Final = tuple(Row._fields.index(name) for name in _NEEDED)
_ORDINALS: Final = range(1, 1 << 63)


def encode(row: Row) -> bytes:
    """Return *row* as compact JSON."""
    values: list[Any] = list(row)
    for number, _ in _HEX:
        if values[number] is not None:
            values[number] = values[number].hex()
    return orjson.dumps(values)


def decode(data: bytes) -> Row:
    """Return the row that *data* holds: one that the database takes, and that is what its hashes say.

    Whoever can write into the folder of the spools can write a line with a right check sum. What it says comes
    into the log, and is sealed; so it has to be an entry that verifies.

    Raises:
        ValueError: It is none.
    """
    values = orjson.loads(data)
    if not isinstance(values, list) or len(values) != len(Row._fields):
        raise ValueError("not a row: an array of its values was expected")
    for number in _ALWAYS:
        if values[number] is None:
            raise ValueError(f"not a row: {Row._fields[number]} is missing")
    for number in _TEXTS:
        _text(number, values[number])
    for number, size in _HEX:
        values[number] = _bytes(number, values[number], size)
    row = checked(Row(*values))
    _said(row)
    _hashed(row)
    return row


def checked(row: Row) -> Row:
    """Return *row* if its id, numbers and names of traces are such as the database takes.

    That is all that can be wrong with the row of an event; its other texts are made to fit, and its hashes here.

    Raises:
        ValueError: They are not.
    """
    if type(row.ordinal) is not int or row.ordinal not in _ORDINALS:
        raise ValueError("not a row: ordinal is out of range")
    if type(row.occurred_at) is not int or row.occurred_at not in MOMENTS:
        raise ValueError("not a row: occurred_at is out of range")
    if len(row.id) != _BYTES["id"]:
        raise ValueError("not a row: id has not 16 bytes")
    for text in (row.correlation_id, row.trace_id, row.span_id):
        if text is not None and (type(text) is not str or "\0" in text):
            raise ValueError("not a row: the id of a trace is no text")
    return row


def _text(number: int, value: object) -> None:
    if value is not None and (not isinstance(value, str) or "\0" in value):
        raise ValueError(f"not a row: {Row._fields[number]} is no text")


def _bytes(number: int, value: object, size: int) -> bytes | None:
    if value is None:
        return None
    made = bytes.fromhex(value) if isinstance(value, str) else b""
    if len(made) != size:
        raise ValueError(f"not a row: {Row._fields[number]} has not {size} bytes")
    return made


def _said(row: Row) -> None:
    """See that what is one of a few words is, and that JSON is."""
    if type(row.v) is not int or row.v != VERSION:
        raise ValueError(f"not a row: v is {row.v!r}, and {VERSION} is known")
    if row.actor_type not in ACTOR_TYPES or (row.outcome is not None and row.outcome not in OUTCOMES):
        raise ValueError("not a row: actor_type or outcome is none")
    for text in (row.details, row.private):
        if text is not None and not isinstance(json.loads(text), dict):  # whole numbers of any size
            raise ValueError("not a row: details are no JSON object")


def _hashed(row: Row) -> None:
    held = (row.client_ip, row.user_agent, row.private)
    made = None if row.nonce is None else canonical.commitment(row.nonce, *held)
    if made != row.commitment or (row.nonce is None and any(one is not None for one in held)):
        raise ValueError("not a row: it is not what it commits to")
    if canonical.row_hash(row) != row.row_hash:
        raise ValueError("not a row: it is not what its hash says")
