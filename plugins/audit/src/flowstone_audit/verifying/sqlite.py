"""Reading an SQLite file for verification."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import orjson

from flowstone_audit.errors import SchemaMismatch, Unavailable
from flowstone_audit.row import Row, Stored
from flowstone_audit.verifying import growing, statements
from flowstone_audit.verifying.source import (
    Bunch,
    Content,
    Damaged,
    Floor,
    Outline,
    SealRow,
    floor_of,
)

_SEAL: Final = f"SELECT {', '.join(SealRow._fields)} FROM flowstone_audit_seal"  # noqa: S608
_GREATEST: Final = (1 << 63) - 1
_UNREADABLE: Final = (sqlite3.OperationalError, sqlite3.DataError)
"""What SQLite raises of bytes where a text belongs, or of more than a value can hold; and of much else, see `_is_broken`."""
_BROKEN: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class SqliteSource:
    """Reads an SQLite file, which it cannot change.

    Args:
        path: The file.

    Raises:
        Unavailable: There is none, or it cannot be opened.
        Damaged: It is no database.
    """

    dialect = "sqlite"
    bunched = 256

    def __init__(self, path: str) -> None:
        self._connection = read_only(path)

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Read one state of the database inside of the block.

        Raises:
            Damaged: SQLite cannot read what it holds.
        """
        try:
            self._connection.execute("BEGIN")
            try:
                yield
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            if _is_broken(error):
                raise Damaged(str(error)) from error
            if "no such table" in str(error):
                raise SchemaMismatch(
                    f"it has no audit tables: {error}; see: flowstone audit migrate"
                ) from error
            raise Unavailable(str(error)) from error
        except UnicodeDecodeError as error:  # where no text is looked at that may be anything
            raise Damaged(f"a text that is none: {error}") from error

    def contents(self, low: int, high: int) -> Iterator[list[Content]]:
        """Yield the entries with ``low < seq <= high``, ascending, in lists.

        Raises:
            Damaged: They stand in another order.
        """
        while low < high and (some := self._fetched(statements.RANGE, (_storable(low), _storable(high)))):
            for seq in (row[0] for row in some):
                if seq <= low:
                    text = f"entry {seq} stands behind entry {low} in the table"
                    raise Damaged(text, seq)
                low = seq
            yield some

    def bunch(self, low: int, high: int) -> Bunch | None:
        """Return the entries with ``low < seq <= high`` in one; None where they have to be looked at one by one."""
        between = (_storable(low), _storable(high))
        ask = self._connection.execute
        try:
            seqs, canonical, row_hashes, moments, held, kind = ask(statements.BUNCH, between).fetchone()
            private = ask(statements.PRIVATE_OF_RANGE, between).fetchall() if held else []
            if len(private) == held:
                texts, hashes = canonical.split(b"\n"), growing.split(row_hashes)
                return Bunch(orjson.loads(seqs), texts, hashes, orjson.loads(moments), private, kind)
        except _UNREADABLE as error:
            if _is_broken(error):
                raise
        except (AttributeError, ValueError):  # nothing that could be joined, no number
            pass
        return None

    def contents_of(self, seqs: Sequence[int]) -> list[Content]:
        """Return the entries of these numbers that are there, ascending."""
        return self._fetched(statements.NAMED, (json.dumps(list(seqs)),))

    def _fetched(self, statement: str, parameters: tuple[Any, ...]) -> list[Any]:
        try:
            return self._connection.execute(statement, parameters).fetchall()
        except _UNREADABLE as error:
            if _is_broken(error):
                raise
        # Such as bytes where a text belongs: read column by column, by who gets nothing here.
        asked = statement.partition(statements.FROM)[2]
        seqs = self._connection.execute(f"SELECT seq {statements.FROM} {asked}", parameters).fetchall()
        return [Content(seq, None, None, None, None, 0) for (seq,) in seqs]

    def rows_of(self, seqs: Sequence[int]) -> list[Stored]:
        """Return the same column by column, types as they are."""
        self._connection.text_factory = _text
        try:
            found = self._connection.execute(statements.ROWS, (json.dumps(list(seqs)),)).fetchall()
        finally:
            self._connection.text_factory = str
        return [Stored(seq, at, Row(*values)) for seq, at, *values in found]

    def seals(self, first: int, end: int) -> Iterator[SealRow]:
        """Yield the seals with ``first <= first_leaf < end``, ascending."""
        asked = f"{_SEAL} WHERE first_leaf >= ? AND first_leaf <= ? ORDER BY first_leaf"
        for row in self._connection.execute(asked, (_storable(first), _storable(end - 1))):
            yield SealRow(*row)

    def seal_before(self, leaf: int) -> SealRow | None:
        """Return the last seal whose first leaf is less than *leaf*."""
        asked = f"{_SEAL} WHERE first_leaf <= ? ORDER BY first_leaf DESC LIMIT 1"
        row = self._connection.execute(asked, (_storable(leaf - 1),)).fetchone()
        return None if row is None else SealRow(*row)

    def outlines(self, first: int, count: int) -> list[Outline]:
        """Return where the next *count* seals stand, from the one whose first leaf is *first* or more."""
        if first > _GREATEST:
            return []
        asked = "SELECT first_leaf, leaves FROM flowstone_audit_seal WHERE first_leaf >= ? ORDER BY first_leaf LIMIT ?"
        return [Outline(*row) for row in self._connection.execute(asked, (first, count))]

    def value(self, statement: str) -> Any:
        """Return the one value of a statement; None where there is no row."""
        row = self._connection.execute(statement).fetchone()
        return None if row is None else row[0]

    def values(self, statement: str) -> list[Any]:
        """Return the first column of a statement."""
        return [row[0] for row in self._connection.execute(statement)]

    def floor(self) -> Floor | None:
        """Return up to where entries may be gone; None where nothing may."""
        asked = (
            "SELECT through_seq, retain_days, archive_digest FROM flowstone_audit_floor ORDER BY through_seq"
        )
        return floor_of(self._connection.execute(asked).fetchall())

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def read_only(path: str) -> sqlite3.Connection:
    """Open a file that exists, without the right to change it.

    Raises:
        Unavailable: There is none, or it cannot be opened.
        Damaged: It is no database.
    """
    if not Path(path).exists():
        raise Unavailable(f"there is no audit log at {path}")
    uri = f"{Path(path).resolve().as_uri()}?mode=ro"
    try:
        return _opened(uri)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise Unavailable(f"{path} is locked by somebody else; try again") from error
        for beside in (Path(f"{path}-wal"), Path(f"{path}-journal")):
            if beside.exists() and beside.stat().st_size:  # it would be passed over
                raise Unavailable(f"cannot read {path} with {beside.name} beside it: {error}") from error
        # The log beside the file cannot be made, such as on a medium that is read-only.
        try:
            return _opened(f"{uri}&immutable=1")
        except sqlite3.Error:
            raise Unavailable(f"cannot read {path}: {error}") from error
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise Damaged(f"{path}: {error}") from error


def _opened(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, timeout=5.0, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _storable(number: int) -> int:
    """Return a number that SQLite takes: no seq, and no leaf, is beyond the greatest, whatever a seal says."""
    return max(-_GREATEST - 1, min(number, _GREATEST))


def _text(stored: bytes) -> str:
    return stored.decode("utf-8", "surrogateescape")


def _is_broken(error: sqlite3.Error) -> bool:
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF in _BROKEN
