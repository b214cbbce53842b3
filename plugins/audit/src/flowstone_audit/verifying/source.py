"""What a verification reads of a database, past SQLAlchemy: the stored values, with no types made of them.

SQLite writes an entry's canonical form itself, from what it holds, as one JSON text: a row of 25 columns comes
as six values, and reading and hashing it costs little more than reading it. Where that text does not hash to
what was sealed, the row is read again column by column, and Python's own canonical form decides.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, NamedTuple, Protocol

from flowstone_audit.row import Row, Stored

TABLE: Final = "flowstone_audit_log"
TEXTS: Final = Row._fields[2:15]
"""The columns from ``event_type`` to ``writer``: all texts, side by side in the canonical form."""


ERASED: Final = 1
_PERMITTED: Final = f"""
    SELECT seq FROM {TABLE} WHERE seq IN ({{}}) AND commitment IS NOT NULL AND nonce IS NULL
    AND EXISTS (SELECT 1 FROM flowstone_audit_erasure WHERE entry_id = id)
"""  # noqa: S608


class Damaged(Exception):
    """The database cannot read what it holds.

    Args:
        text: What is wrong.
        seq: With which entry, where that is known.
    """

    def __init__(self, text: str, seq: int | None = None) -> None:
        super().__init__(text, seq)
        self.seq = seq

    def __str__(self) -> str:
        return str(self.args[0])


class Content(NamedTuple):
    """An entry as it is hashed. Values have whatever type the database holds; who hashes them finds out.

    Attributes:
        seq: Its number.
        inserted_at: Unix microseconds.
        row_hash: What the column says.
        canonical: The canonical form of what the other columns say.
        private: Nonce, commitment and JSON of the private columns, one behind the other; ``ERASED`` where these
            and the nonce were erased by the rules, no bytes where they are not of these types; None where all
            of them are NULL.
        kind: See `kinds`; 0 in PostgreSQL, which looks after checks and indexes itself.
    """

    seq: Any
    inserted_at: Any
    row_hash: Any
    canonical: Any
    private: Any
    kind: Any


class Bunch(NamedTuple):
    """Many entries, read in one: of each what `Content` has, column by column.

    Attributes:
        seqs: Numbers.
        canonical: Canonical forms.
        row_hashes: What the columns say.
        moments: Values of ``inserted_at``.
        private: Number and private columns of the entries that have any.
        kinds: The sum of all kinds.
    """

    seqs: list[int]
    canonical: list[bytes]
    row_hashes: list[bytes]
    moments: list[Any]
    private: list[tuple[Any, Any]]
    kinds: int


class SealRow(NamedTuple):
    """A seal as stored; see `tables.seal`. ``sealed_at`` is Unix microseconds."""

    first_leaf: Any
    leaves: Any
    seqs: Any
    hashes: Any
    root: Any
    frontier: Any
    high: Any
    gaps: Any
    note: Any
    sealed_at: Any


class Outline(NamedTuple):
    """Where a seal stands: index of its first leaf, and how many it says it has."""

    first_leaf: int
    leaves: int


class Floor(NamedTuple):
    """Up to where entries may have been pruned.

    Attributes:
        through: The greatest number.
        steps: Number and days of each floor, ascending: up to there entries go once they are older than that.
    """

    through: int
    steps: tuple[tuple[int, int], ...]

    def days(self, seq: int) -> int:
        """Return how old an entry had to be when it was pruned."""
        at = bisect_left(self.steps, (seq, 0))
        return self.steps[min(at, len(self.steps) - 1)][1]


class Source(Protocol):
    """One process's way to read one database.

    Attributes:
        dialect: SQLAlchemy's word.
        bunched: How many entries are best read in one; 0 where that is no faster.
    """

    dialect: str
    bunched: int

    def snapshot(self) -> AbstractContextManager[None]:
        """Read one state of the database inside of the block.

        Raises:
            Damaged: The database cannot read what it holds.
        """
        ...

    def contents(self, low: int, high: int) -> Iterator[list[Content]]:
        """Yield the entries with ``low < seq <= high``, ascending, in lists."""
        ...

    def bunch(self, low: int, high: int) -> Bunch | None:
        """Return the entries with ``low < seq <= high`` in one; None where they have to be looked at one by one."""
        ...

    def contents_of(self, seqs: Sequence[int]) -> list[Content]:
        """Return the entries of these numbers that are there, ascending."""
        ...

    def rows_of(self, seqs: Sequence[int]) -> list[Stored]:
        """Return the same column by column, types as they are; what cannot be read as text has surrogates."""
        ...

    def seals(self, first: int, end: int) -> Iterator[SealRow]:
        """Yield the seals with ``first <= first_leaf < end``, ascending."""
        ...

    def seal_before(self, leaf: int) -> SealRow | None:
        """Return the last seal whose first leaf is less than *leaf*."""
        ...

    def outlines(self, first: int, count: int) -> list[Outline]:
        """Return where the next *count* seals stand, from the one whose first leaf is *first* or more."""
        ...

    def value(self, statement: str) -> Any:
        """Return the one value of a statement; None where there is no row."""
        ...

    def values(self, statement: str) -> list[Any]:
        """Return the first column of a statement."""
        ...

    def floor(self) -> Floor | None:
        """Return up to where entries may be gone; None where nothing may."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


def permitted(source: Source, seqs: Sequence[int]) -> set[int]:
    """Return which of these entries may lack their private columns: their ids are in the table of erasures."""
    return set(source.values(_PERMITTED.format(", ".join(map(str, seqs))))) if seqs else set()


def is_good_floor(rows: Sequence[tuple[Any, Any, Any]]) -> bool:
    """Tell whether floors (through, days, digest) in order only grow, as their guard has it."""
    days = [row[1] for row in rows]
    return all(isinstance(day, int) and day >= 1 for day in days) and days == sorted(days)


def floor_of(rows: Sequence[tuple[Any, Any, Any]]) -> Floor | None:
    """Return what a list of floors (through, days, digest) allows, ascending by the first."""
    archived = [row for row in rows if row[2] is not None]
    if not archived or not is_good_floor(rows):
        return None
    return Floor(int(archived[-1][0]), tuple((int(row[0]), int(row[1])) for row in rows))
