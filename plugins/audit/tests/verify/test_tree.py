"""The tree of SQLite's table, written past SQLite: numbers of entries are keys in there, which nothing hashes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partialmethod
from pathlib import Path
from typing import NamedTuple

import pytest

from flowstone_audit.verifying import whole
from flowstone_audit.verifying.report import TAMPERED, Report
from flowstone_audit.verifying.sqlite import SqliteSource
from plugins.audit.tests.verify.story import Story, file_of, private, row
from plugins.audit.tests.verify.test_columns import changed

pytestmark = [
    pytest.mark.parametrize("told", ["sqlite"], indirect=True),
    pytest.mark.parametrize("bunched", [256, 0], ids=["in bunches", "one by one"]),
]
_LEAF, _INTERIOR = 0x0D, 0x05


class Cell(NamedTuple):
    """Where a page of the table says a number: an entry's, or the greatest of the page that it leads to.

    Attributes:
        seq: The number.
        at: Where it stands in the file, in one byte.
        is_entry: Whether an entry is behind it.
    """

    seq: int
    at: int
    is_entry: bool


@pytest.fixture(autouse=True)
def _bunched(monkeypatch: pytest.MonkeyPatch, bunched: int) -> None:
    monkeypatch.setattr(SqliteSource, "bunched", bunched)


def cells(path: Path, table: str = "log") -> Iterator[Cell]:
    """Yield the cells of a table, none of whose numbers is above 127; see https://sqlite.org/fileformat.html."""
    with closing(sqlite3.connect(path)) as connection:
        asked = "SELECT rootpage FROM sqlite_master WHERE type = 'table' AND name = ?"
        (root,) = connection.execute(asked, [f"flowstone_audit_{table}"]).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    content = path.read_bytes()
    pages = [root]
    while pages:
        begin = (pages.pop() - 1) * size
        kind, count = content[begin], int.from_bytes(content[begin + 3 : begin + 5], "big")
        head = begin + (8 if kind == _LEAF else 12)
        places = [
            begin + int.from_bytes(content[at : at + 2], "big") for at in range(head, head + 2 * count, 2)
        ]
        if kind == _INTERIOR:
            pages += [int.from_bytes(content[at : at + 4], "big") for at in [*places, begin + 8]]
        for at in places:
            key = (
                at + 4
                if kind == _INTERIOR
                else at + next(n for n in range(1, 10) if content[at + n - 1] < 128)
            )
            yield Cell(content[key], key, kind == _LEAF)


def renumbered(told: Story, new: dict[int, int], *, entries: bool = True, table: str = "log") -> Report:
    """Verify a log in whose file numbers were exchanged for others, and whose indexes were made anew after it."""
    told.engine.dispose()
    path = file_of(told)
    content = bytearray(path.read_bytes())
    found = [one for one in cells(path, table) if one.is_entry == entries and one.seq in new]
    assert new.keys() == {one.seq for one in found}
    for one in found:
        content[one.at] = new[one.seq]
    path.write_bytes(content)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("REINDEX")
    return told.verify()


@pytest.mark.parametrize(
    "new",
    [{3: 2}, {2: 1}, {9: 8}, {32: 31}, {2: 3, 3: 2}, {3: 0}, {32: 33}, {5: 4, 20: 19}],
    ids=lambda new: "-".join(f"{old} as {number}" for old, number in new.items()),
)
def test_the_number_of_an_entry(told: Story, new: dict[int, int]) -> None:
    """An entry that no query finds by its number, for the file has another, is told of."""
    report = renumbered(told, new)
    assert TAMPERED == report.code
    first = report.first
    assert first is not None
    assert first.seq is not None
    assert {*new, *new.values()} & {*range(first.seq, (first.last or first.seq) + 1)}


def test_unsealed_entries(told: Story) -> None:
    """The same of entries that are not sealed yet."""
    told.write(row(), private(), row())
    report = renumbered(told, {34: 35, 35: 34})
    assert ("damaged", 34) in {(one.kind, one.seq) for one in report.alarms}


@pytest.mark.parametrize("change", [False, True], ids=["as it was", "changed, too"])
def test_a_way_to_entries(told: Story, change: bool) -> None:
    """Entries that stand in the table in order, and to which no number leads, are told of: queries do not see them."""
    (first, *_) = sorted(one.seq for one in cells(file_of(told)) if not one.is_entry)
    if change:
        with told.attacking() as connection:
            changed(connection, f"UPDATE flowstone_audit_log SET action = 'x' WHERE seq = {first}")
    report = renumbered(told, {first: first - 1}, entries=False)
    assert ("damaged", first) in {(one.kind, one.seq) for one in report.alarms}


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("new", [{13: 5}, {13: 12}, {12: 0}, {20: 1}, {12: 13, 13: 12}], ids=str)
def test_the_first_leaf_of_a_seal(
    told: Story, monkeypatch: pytest.MonkeyPatch, new: dict[int, int], jobs: int
) -> None:
    """Seals that stand in another order are told of, and end no verification, nor keep it from ending."""
    monkeypatch.setattr(whole, "_LEAVES", 1)
    told.engine.dispose()
    monkeypatch.setattr(Story, "verify", partialmethod(Story.verify, jobs=jobs))
    assert TAMPERED == renumbered(told, new, table="seal").code


def test_an_index_that_hides_private_columns(told: Story) -> None:
    """Private columns are read from the table, whatever index somebody made for them and emptied."""
    held = "coalesce(nonce, commitment, client_ip, user_agent, private) IS NOT NULL"
    with told.attacking() as connection:
        run = connection.exec_driver_sql
        changed(connection, "UPDATE flowstone_audit_log SET client_ip = 'x' WHERE seq = 2")
        run(f"CREATE INDEX zz ON flowstone_audit_log (seq) WHERE {held}")
        run("CREATE TABLE empty (seq INTEGER)")
        run("CREATE INDEX other ON empty (seq)")
        run("PRAGMA writable_schema = ON")
        root = "(SELECT rootpage FROM sqlite_master WHERE name = 'other')"
        run(f"UPDATE sqlite_master SET rootpage = {root} WHERE name = 'zz'")
        run("PRAGMA writable_schema = RESET")
        connection.commit()
    report = told.verify()
    assert ("modified", 2) in {(one.kind, one.seq) for one in report.alarms}
