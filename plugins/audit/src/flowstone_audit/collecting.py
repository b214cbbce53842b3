"""Rows that plugins provide of their hosts' own accord: into the spool once, however often they are told."""

from __future__ import annotations

from collections.abc import Mapping
from time import time_ns
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, select

from flowstone.plugin import count, provided
from flowstone_audit import limits
from flowstone_audit.details import plain, split
from flowstone_audit.errors import EntryRefused
from flowstone_audit.privacy import nonce_for
from flowstone_audit.row import VERSION, Row
from flowstone_audit.spool.appender import Appender
from flowstone_audit.tables import log
from flowstone_audit.texts import TEXTS, checked

_ASKED_AT_ONCE: Final = 500
_SPANS: Final = ("trace_id", "span_id")


def collect(connection: Connection, spool: Appender, private: frozenset[str]) -> int:
    """Append the provided rows that the log has not yet; return how many.

    Args:
        connection: To the log, in no transaction; in none when this returns.
        spool: This process's.
        private: Keys of details that are held privately.

    Raises:
        sqlalchemy.exc.DBAPIError: The database cannot be asked.
        OSError: The spool cannot take them.
    """
    drafts: dict[bytes, Row] = {}
    for one in provided("provide_audit_rows"):
        try:
            row = draft_of(one, spool.writer, private)
        except (EntryRefused, ValueError, TypeError, OverflowError):
            count("audit.row.refused")
            continue
        drafts.setdefault(row.id, row)
    known = _known(connection, list(drafts))
    rows = [row for id, row in drafts.items() if id not in known]
    taken = 0
    while taken < len(rows):
        taken += spool.append(rows[taken:])
    return taken


def draft_of(given: object, writer: str, private: frozenset[str]) -> Row:
    """Return the row of a mapping as ``provide_audit_rows`` describes it.

    Raises:
        EntryRefused: A field is missing, malformed or too large.
        ValueError, TypeError, OverflowError: The id is none, or the time.
    """
    if not isinstance(given, Mapping):
        raise EntryRefused(f"an audit row is a mapping, not {type(given).__name__}")
    *what, correlation_id, client_ip, user_agent, run_id = checked(tuple(map(given.get, TEXTS)))
    details = given.get("details") or {}
    if not isinstance(details, Mapping):
        raise EntryRefused(f"details have to be a mapping, not {type(details).__name__}")
    kept, held = split(details, private)
    limits.fitting("details", kept)
    limits.fitting("private details", held or "")
    trace_id, span_id = (limits.optional(name, given.get(name)) for name in _SPANS)
    values: tuple[Any, ...] = (
        *(VERSION, _id(given.get("id")), *what, kept, correlation_id),
        *(plain(one) if one else None for one in (trace_id, span_id)),
        *(run_id, writer, 0, int(given.get("time") or time_ns()) // 1000, client_ip, user_agent, held),
        *(nonce_for(client_ip, user_agent, held), None, b""),
    )
    return Row._make(values)


def _id(given: object) -> bytes:
    if isinstance(given, bytes) and len(given) == 16:
        return given
    return UUID(limits.required("id", given)).bytes


def _known(connection: Connection, ids: list[bytes]) -> set[bytes]:
    """Return which of *ids* the log has: a row that the database ignores would leave a hole in our count."""
    found: set[bytes] = set()
    with connection.begin():
        for begin in range(0, len(ids), _ASKED_AT_ONCE):
            some = [one.hex() for one in ids[begin : begin + _ASKED_AT_ONCE]]
            found |= {
                bytes.fromhex(id) for (id,) in connection.execute(select(log.c.id).where(log.c.id.in_(some)))
            }
    return found
