"""SQLite's indexes held against the table: a query sees what its index says, and who writes the file writes both.

The table itself leads to entries by their numbers, as an index does by other columns. That an index is all there
is counted each time. That each entry is in its place is looked up for so many of them, in a large log for some
that chance names, for to look all of them up takes as long as to verify them.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from secrets import randbelow
from typing import Final, NamedTuple

from flowstone_audit import guards_sqlite
from flowstone_audit.verifying import telling
from flowstone_audit.verifying.report import Finding
from flowstone_audit.verifying.source import TABLE, Source

LOOKED_UP: Final = 4096
"""Entries that are looked up in each index."""

_INDEX: Final = re.compile(
    rf"CREATE (?:UNIQUE )?INDEX (\w+) ON {TABLE} \(([^)]+)\)(?: WHERE (.+))?", re.DOTALL
)


class _Index(NamedTuple):
    """An index: its columns, and which entries are in it."""

    name: str
    columns: tuple[str, ...]
    taken: str


def taken() -> dict[str, str]:
    """Return the condition of the entries that each index has, by its name."""
    return {one.name: one.taken for one in _indexes()}


def some(greatest: int) -> int:
    """Return the number behind which entries are looked up, by chance, in a log up to this one."""
    return randbelow(max(greatest - LOOKED_UP, 0) + 1)


def held(source: Source, first: int) -> dict[str, int] | None:
    """Return how many entries each index has, by its name; None where one is not as it should be.

    Args:
        source: SQLite's, in a snapshot.
        first: Behind which number entries are looked up.
    """
    try:
        if any(
            source.value(asked) is not None
            for asked in (_astray(first), *(_lost(one, first) for one in _indexes()))
        ):
            return None
        return {one.name: source.value(_held(one)) for one in _indexes()}
    except sqlite3.DatabaseError:
        return None


def check(source: Source, counts: Mapping[str, int], first: int) -> Iterator[Finding]:
    """Yield the indexes that do not say what the table says.

    Args:
        source: SQLite's, in a snapshot.
        counts: How many entries each index should have, by its name.
        first: Behind which number entries are looked up.
    """
    astray = source.value(_astray(first))
    if astray is not None:
        yield telling.astray(int(astray))
    there = set(source.values("SELECT name FROM sqlite_master WHERE type = 'index'"))
    for one in _indexes():
        if one.name not in there:
            continue  # the guards tell of it
        try:
            yield from _differing(source, one, counts[one.name], first)
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_CORRUPT:
                text = f"the index {one.name} cannot be read: {error}"
                yield Finding("damaged", text, fields=(one.name,))
            elif (
                getattr(error, "sqlite_errorcode", 0) != sqlite3.SQLITE_ERROR
            ):  # that is another index than ours
                raise


def _held(index: _Index) -> str:
    return f"SELECT count(*) FROM {TABLE} INDEXED BY {index.name} WHERE {index.taken}"  # noqa: S608


def _differing(source: Source, index: _Index, count: int, first: int) -> Iterator[Finding]:
    has = source.value(_held(index))
    if has != count:
        text = f"the index {index.name} has {has} of {count} entries: queries do not see all of them"
        yield Finding("damaged", text, fields=(index.name,))
        return
    lost = source.value(_lost(index, first))
    if lost is not None:
        text = f"entry {lost} is not in its place in the index {index.name}: queries do not see it"
        yield Finding("damaged", text, int(lost), fields=(index.name,))


def _indexes() -> list[_Index]:
    found = [_INDEX.fullmatch(sql) for sql in guards_sqlite.expected().values()]
    return [
        _Index(one[1], tuple(name.strip() for name in one[2].split(",")), one[3] or "true")
        for one in found
        if one is not None
    ]


def _astray(first: int) -> str:
    """Return what asks for the first entry behind the number *first* that its number does not lead to."""
    found = f"SELECT 1 FROM {TABLE} WHERE seq = t.seq"  # noqa: S608
    asked = f"seq > {first} AND seq <= {first + LOOKED_UP}"
    return f"SELECT seq FROM {TABLE} AS t NOT INDEXED WHERE {asked} AND NOT EXISTS ({found}) LIMIT 1"  # noqa: S608


def _lost(index: _Index, first: int) -> str:
    """Return what asks for the first entry behind the number *first* that its index does not lead to."""
    same = " AND ".join(f"{name} IS t.{name}" for name in index.columns)
    found = f"SELECT 1 FROM {TABLE} INDEXED BY {index.name} WHERE {same} AND {index.taken} AND seq = t.seq"  # noqa: S608
    asked = f"seq > {first} AND seq <= {first + LOOKED_UP} AND {index.taken}"
    return f"SELECT seq FROM {TABLE} AS t NOT INDEXED WHERE {asked} AND NOT EXISTS ({found}) LIMIT 1"  # noqa: S608
