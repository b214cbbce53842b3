"""Asking the audit log: by what it was, who did it, to what, when, and what belongs together.

What waits in spools on this machine is taken in first, as far as that is possible within half a second.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Unpack
from uuid import UUID

from sqlalchemy import Connection, bindparam, select

from flowstone_audit import raw
from flowstone_audit.cursor import Page, walk
from flowstone_audit.entry import AuditEntry
from flowstone_audit.errors import NotFound
from flowstone_audit.reading import reading
from flowstone_audit.selection import FIRST, LAST, Filters, page_of, values_of
from flowstone_audit.tables import log

LIMIT: Final = 100
_STREAMED: Final = 1000
_BY_ID: Final = select(log).where(log.c.id == bindparam("id"))
_BY_SEQ: Final = select(log).where(log.c.seq == bindparam("seq"))


def entries(
    *,
    after: int | None = None,
    limit: int = LIMIT,
    newest_first: bool = False,
    connection: Connection | None = None,
    **filters: Unpack[Filters],
) -> Page:
    """Return the entries that pass every filter, in the order of the log.

    Args:
        after: A cursor: ``page.next`` of the page before.
        limit: Most entries to return.
        newest_first: Whether to begin at the end of the log.
        connection: Use this one; what waits in spools is then not looked for.
        filters: See `Filters`: event_type, actor_id, actor_type, resource, asset, action, outcome,
            correlation_id, trace_id, run_id, since, until, through.

    Raises:
        ValueError: A moment has no time zone, *limit* is below 1, or both resource and asset are given.
        Unavailable: The database cannot be reached.
        SchemaMismatch: It has no audit tables of this version.
    """
    with reading(connection) as open_connection:
        return page(open_connection, filters, after=after, limit=limit, newest_first=newest_first)


def history(resource_type: str, resource_id: str, *, after: int | None = None, limit: int = LIMIT) -> Page:
    """Return what happened to a resource, oldest first; see `entries`."""
    return entries(resource=(resource_type, resource_id), after=after, limit=limit)


def entry(id: str, *, connection: Connection | None = None) -> AuditEntry:
    """Return the entry of an id: 32 hex digits, with or without the dashes of a UUID.

    Raises:
        NotFound: There is none.
        ValueError: It is no such id.
        Unavailable: The database cannot be reached.
        SchemaMismatch: It has no audit tables of this version.
    """
    try:
        wanted = UUID(id)
    except ValueError as error:
        raise ValueError(f"{id!r} is no id of an audit entry: it has 32 hexadecimal digits") from error
    with reading(connection) as open_connection:
        return _one(open_connection, _BY_ID, {"id": wanted}, f"no audit entry has the id {id}")


def at(seq: int, *, connection: Connection | None = None) -> AuditEntry:
    """Return the entry at a place of the log; raises as `entry` does."""
    with reading(connection) as open_connection:
        return _one(open_connection, _BY_SEQ, {"seq": seq}, f"no audit entry has the number {seq}")


def page(
    connection: Connection,
    filters: Filters,
    *,
    after: int | None = None,
    limit: int = LIMIT,
    newest_first: bool = False,
) -> Page:
    """Return a page of what passes *filters*, over a connection that is at hand."""
    if limit < 1:
        raise ValueError(f"a page has at least 1 entry, not {limit}")
    values = values_of(filters)
    statement = page_of(values, newest_first=newest_first)
    values["after"] = after if after is not None else LAST if newest_first else FIRST
    values["limit"] = limit + 1  # one more tells whether there is a next page
    found = raw.entries(connection, statement, values)
    return Page(tuple(found[:limit]), found[limit - 1].seq if len(found) > limit else None)


def stream(connection: Connection, filters: Filters, *, after: int | None = None) -> Iterator[AuditEntry]:
    """Yield everything that passes *filters*, oldest first, holding one page of it at a time."""
    for found in walk(lambda cursor: page(connection, filters, after=cursor, limit=_STREAMED), after):
        yield from found.entries


def _one(connection: Connection, statement: Any, values: dict[str, Any], missing: str) -> AuditEntry:
    found = raw.entries(connection, statement, values)
    if not found:
        raise NotFound(missing)
    return found[0]
