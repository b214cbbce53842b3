"""From what people type to entries: ids in full or their beginning, numbers, names of things."""

from __future__ import annotations

import re
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, select

from flowstone_audit import raw
from flowstone_audit.cursor import Page
from flowstone_audit.entry import AuditEntry
from flowstone_audit.errors import NotFound
from flowstone_audit.queries import at, page
from flowstone_audit.reading import reading
from flowstone_audit.tables import log

SHORTEST: Final = 8
"""Shorter beginnings of an id are not looked up: they are the time of a week."""

_MOST: Final = 20
_HEX: Final = re.compile(r"[0-9a-f]{1,32}")
_NUMBER: Final = re.compile(r"#?[1-9][0-9]{0,17}")
_BEGINNING: Final = (
    select(log)
    .where(log.c.id >= bindparam("first"), log.c.id <= bindparam("last"))
    .order_by(log.c.id)
    .limit(_MOST)
)


def like(text: str) -> tuple[AuditEntry, ...]:
    """Return the entries that *text* may stand for, at most 20: by number, id, or the beginning of an id.

    Raises:
        NotFound: There is none, or *text* is too short.
        Unavailable: The database cannot be reached.
        SchemaMismatch: It has no audit tables of this version.
    """
    bare = text.strip().lower().replace("-", "")
    if _NUMBER.fullmatch(bare) and len(bare) != 32:
        return (at(int(bare.lstrip("#"))),)
    if not _HEX.fullmatch(bare):
        raise NotFound(f"{text} is no id of an audit entry: 32 hex digits, or its number")
    if len(bare) < SHORTEST:
        raise NotFound(f"{text} is too short; the beginning of an id has at least {SHORTEST} characters")
    values = {"first": UUID(bare.ljust(32, "0")), "last": UUID(bare.ljust(32, "f"))}
    with reading() as connection:
        found = raw.entries(connection, _BEGINNING, values)
    if not found:
        raise NotFound(f"no audit entry has an id that begins with {text}")
    return tuple(found)


def history_of(text: str, *, before: int | None = None, limit: int = 100) -> tuple[tuple[str, str], Page]:
    """Return which resource *text* names, and its newest entries, newest first.

    ``TYPE:ID`` is looked for first, then an asset of that whole name.

    Raises:
        Unavailable: The database cannot be reached.
        SchemaMismatch: It has no audit tables of this version.
    """
    kind, colon, id = text.partition(":")
    meant = [(kind, id)] if colon and kind and id else []
    meant.append(("asset", text))
    with reading() as connection:
        for resource in meant:
            found = page(connection, {"resource": resource}, after=before, limit=limit, newest_first=True)
            if found.entries:
                return resource, found
    return meant[0], Page((), None)
