"""Reading a PostgreSQL database for verification."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

import orjson
import psycopg
from psycopg.types.numeric import Int8BinaryLoader

from flowstone_audit import search_path
from flowstone_audit.errors import SchemaMismatch, Unavailable
from flowstone_audit.row import PRIVATE, Row, Stored
from flowstone_audit.tree.hashing import SIZE
from flowstone_audit.verifying.source import (
    ERASED,
    TABLE,
    TEXTS,
    Bunch,
    Content,
    Damaged,
    Floor,
    Outline,
    SealRow,
    floor_of,
)

_AT_ONCE: Final = (
    384  # of more at once the values fall out of the processor's cache, and hashing them takes longer
)
_BEGUN: Final = 946_684_800_000_000
"""Unix microseconds at which PostgreSQL begins to count: its moments come as it holds them, which is exact."""
_FIRST: Final = -1 << 63
_LAST: Final = (1 << 63) - 1
"""How it holds moments without end."""
_HELD: Final = ", ".join(PRIVATE)
# PostgreSQL takes longer to write JSON than orjson does; so the values come as they are hashed, behind what else is asked.
_CONTENT: Final = f"""
    SELECT seq, inserted_at, row_hash, {_HELD}, commitment,
        CASE WHEN commitment IS NOT NULL AND nonce IS NULL
            THEN EXISTS (SELECT FROM flowstone_audit_erasure WHERE entry_id = id) END,
        v, encode(uuid_send(id), 'hex'), {", ".join(TEXTS)}, ordinal, occurred_at, encode(commitment, 'hex')
    FROM {TABLE} WHERE
"""  # noqa: S608
_NOTHING: Final = (None,) * 5
_RANGE: Final = f"{_CONTENT} seq > %s AND seq <= %s ORDER BY seq LIMIT {_AT_ONCE}"
_NAMED: Final = f"{_CONTENT} seq = ANY(%s) ORDER BY seq"
_COLUMNS: Final = ", ".join({"id": "uuid_send(id)"}.get(name, name) for name in Row._fields)
_ROWS: Final = f"SELECT seq, inserted_at, {_COLUMNS} FROM {TABLE} WHERE seq = ANY(%s) ORDER BY seq"  # noqa: S608
_SEAL: Final = f"SELECT {', '.join(SealRow._fields)} FROM flowstone_audit_seal"  # noqa: S608


class PostgresqlSource:
    """Reads a PostgreSQL database, in transactions that cannot write.

    Args:
        parameters: Of psycopg's connect.

    Raises:
        Unavailable: The server cannot be reached.
    """

    dialect = "postgresql"
    bunched = 0

    def __init__(self, parameters: dict[str, Any]) -> None:
        try:
            self._connection = psycopg.connect(
                **{"connect_timeout": 5, "application_name": "flowstone-audit", **parameters}, autocommit=True
            )
        except psycopg.Error as error:
            raise Unavailable(f"cannot reach the database: {str(error).splitlines()[0]}") from error
        self._cursor: psycopg.Cursor[Any] = self._connection.cursor(binary=True)
        self._cursor.adapters.register_loader("timestamptz", Int8BinaryLoader)
        try:
            self._schema = self._settled()
        except psycopg.Error as error:
            self._connection.close()
            raise Unavailable(f"cannot read the database: {str(error).splitlines()[0]}") from error

    def _settled(self) -> str:
        """Have statements mean what they say, whatever the database's owner has set; return our tables' schema."""
        found = self._cursor.execute(search_path.FIND).fetchone()
        self._cursor.execute(search_path.PLAIN)
        self._cursor.execute("SELECT set_config('standard_conforming_strings', 'on', false)")
        return str(found[1]) if found is not None else ""

    def _execute(self, statement: str, parameters: Sequence[object] | None = None) -> psycopg.Cursor[Any]:
        schema = self._schema if parameters is None else self._schema.replace("%", "%%")
        placed = search_path.placed(statement, schema) if schema else statement
        return self._cursor.execute(placed.encode(), parameters)

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Read one state of the database inside of the block.

        Raises:
            Damaged: PostgreSQL cannot read what it holds.
        """
        try:
            self._execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            try:
                yield
            finally:
                with suppress(psycopg.Error):
                    self._execute("ROLLBACK")
        except (psycopg.errors.DataCorrupted, psycopg.errors.IndexCorrupted) as error:
            raise Damaged(str(error)) from error
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
            text = str(error).splitlines()[0]
            raise SchemaMismatch(f"it has no audit tables: {text}; see: flowstone audit migrate") from error
        except psycopg.Error as error:
            raise Unavailable((str(error).splitlines() or ["the database refused"])[0]) from error

    def contents(self, low: int, high: int) -> Iterator[list[Content]]:
        """Yield the entries with ``low < seq <= high``, ascending, in lists."""
        while low < high and (some := self._fetched(_RANGE, (low, high))):
            yield some
            low = some[-1][0]

    def bunch(self, low: int, high: int) -> Bunch | None:
        """Return None: entries are read one by one."""
        return None

    def contents_of(self, seqs: Sequence[int]) -> list[Content]:
        """Return the entries of these numbers that are there, ascending."""
        return self._fetched(_NAMED, (list(seqs),))

    def _fetched(self, statement: str, parameters: tuple[Any, ...]) -> list[Any]:
        return [_content(row) for row in self._execute(statement, parameters).fetchall()]

    def rows_of(self, seqs: Sequence[int]) -> list[Stored]:
        """Return the same column by column, types as they are."""
        found = self._execute(_ROWS, (list(seqs),)).fetchall()
        made = [Stored(seq, _moment(at), Row._make(values)) for seq, at, *values in found]
        return [one._replace(row=one.row._replace(occurred_at=_moment(one.row.occurred_at))) for one in made]

    def seals(self, first: int, end: int) -> Iterator[SealRow]:
        """Yield the seals with ``first <= first_leaf < end``, ascending."""
        asked = f"{_SEAL} WHERE first_leaf >= %s AND first_leaf < %s ORDER BY first_leaf LIMIT 64"
        while some := self._execute(asked, (first, end)).fetchall():
            for row in some:
                yield _seal(row)
            first = some[-1][0] + 1

    def seal_before(self, leaf: int) -> SealRow | None:
        """Return the last seal whose first leaf is less than *leaf*."""
        asked = f"{_SEAL} WHERE first_leaf < %s ORDER BY first_leaf DESC LIMIT 1"
        row = self._execute(asked, (leaf,)).fetchone()
        return None if row is None else _seal(row)

    def outlines(self, first: int, count: int) -> list[Outline]:
        """Return where the next *count* seals stand, from the one whose first leaf is *first* or more."""
        asked = "SELECT first_leaf, leaves FROM flowstone_audit_seal WHERE first_leaf >= %s ORDER BY first_leaf LIMIT %s"
        return [Outline(*row) for row in self._execute(asked, (first, count)).fetchall()]

    def value(self, statement: str) -> Any:
        """Return the one value of a statement; None where there is no row."""
        row = self._execute(statement).fetchone()
        return None if row is None else row[0]

    def values(self, statement: str) -> list[Any]:
        """Return the first column of a statement."""
        return [row[0] for row in self._execute(statement).fetchall()]

    def floor(self) -> Floor | None:
        """Return up to where entries may be gone; None where nothing may."""
        asked = (
            "SELECT through_seq, retain_days, archive_digest FROM flowstone_audit_floor ORDER BY through_seq"
        )
        return floor_of(self._execute(asked).fetchall())

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def _moment(since: Any) -> Any:
    """Return what PostgreSQL holds of a moment as Unix microseconds; None of one that is without end."""
    return since + _BEGUN if isinstance(since, int) and _FIRST < since < _LAST else None


def _seal(row: tuple[Any, ...]) -> SealRow:
    return SealRow._make((*row[:-1], _moment(row[-1])))


def _content(row: tuple[Any, ...]) -> Any:
    """Return a row of ``_CONTENT`` in the order of ``Content``; a tuple, which is made faster."""
    held = None if row[3:8] == _NOTHING else _private(*row[3:9])
    at, occurred = row[1], row[-2]
    try:
        placed = _FIRST < at < _LAST and _FIRST < occurred < _LAST
    except TypeError:  # nothing there, or a column of another type
        placed = False
    at, occurred = (at + _BEGUN, occurred + _BEGUN) if placed else (_moment(at), _moment(occurred))
    return row[0], at, row[2], orjson.dumps((*row[9:-2], occurred, row[-1])), held, 0


def _private(
    client_ip: object,
    user_agent: object,
    private: object,
    nonce: object,
    commitment: object,
    permitted: object,
) -> Any:
    """Return what ``Content.private`` says of columns of which one at least is not NULL."""
    held = (client_ip, user_agent, private)
    if not isinstance(commitment, bytes) or len(commitment) != SIZE:
        return b""
    if isinstance(nonce, bytes) and len(nonce) == SIZE:
        return nonce + commitment + orjson.dumps(held)
    return ERASED if permitted and held == (None, None, None) else b""
