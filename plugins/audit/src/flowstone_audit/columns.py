"""Column types that hold the same values in SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, DateTime, Integer, LargeBinary, Uuid
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

EARLIEST: Final = datetime(1, 1, 2, tzinfo=UTC)
LATEST: Final = datetime(9999, 12, 31, tzinfo=UTC)
"""What stands for moments before and behind it; they have room for every time zone."""


class OutOfRange(datetime):
    """``EARLIEST`` or ``LATEST`` in the place of a moment that no ``datetime`` can be.

    The guards let none in any more; a log of before may hold some, and has to be read all the same.

    Attributes:
        stored: What the database holds, Unix microseconds; None where it is without end.
    """

    stored: Any = None

    @classmethod
    def of(cls, stored: Any = None, *, late: bool) -> OutOfRange:
        """Return what stands for *stored*."""
        edge = LATEST if late else EARLIEST
        made = cls(edge.year, edge.month, edge.day, tzinfo=UTC)
        made.stored = stored
        return made


Sequence = BigInteger().with_variant(Integer, "sqlite")
"""A 64-bit whole number; SQLite counts up by itself only in an INTEGER PRIMARY KEY."""


def to_datetime(microseconds: int) -> datetime:
    """Return Unix microseconds as a datetime in UTC, exactly."""
    return EPOCH + timedelta(0, 0, microseconds)


def to_microseconds(moment: datetime) -> int:
    """Return an aware datetime as Unix microseconds, exactly."""
    if isinstance(moment, OutOfRange) and moment.stored is not None:
        stored: int = moment.stored
        return stored
    return (moment - EPOCH) // _MICROSECOND


def of_sqlite(stored: Any) -> datetime:
    """Return what SQLite holds of a moment as a datetime in UTC."""
    try:
        return EPOCH + timedelta(0, 0, stored)
    except (OverflowError, TypeError, ValueError):  # too far away, or no number at all
        return OutOfRange.of(stored, late=isinstance(stored, (int, float)) and stored > 0)


def of_postgresql(found: datetime) -> datetime:
    """Return what ``Moment`` selects in PostgreSQL as a datetime in UTC."""
    made = found.astimezone(UTC)
    if EARLIEST < made < LATEST:
        return made
    return OutOfRange.of(late=made >= LATEST)


class _Near(FunctionElement[datetime]):
    """A moment as it is selected: PostgreSQL has some, such as ``infinity``, that its driver cannot read."""

    inherit_cache = True

    def __init__(self, moment: ColumnElement[Any]) -> None:
        super().__init__(moment)
        self.type = moment.type  # by it results are made moments


@compiles(_Near)
def _as_it_is(element: _Near, compiler: Any, **given: Any) -> str:
    return str(compiler.process(element.clauses, **given))


@compiles(_Near, "postgresql")
def _within(element: _Near, compiler: Any, **given: Any) -> str:
    moment = compiler.process(element.clauses, **given)
    return (
        f"CASE WHEN {moment} <= '{EARLIEST.isoformat()}' THEN '{EARLIEST.isoformat()}'"
        f" WHEN {moment} >= '{LATEST.isoformat()}' THEN '{LATEST.isoformat()}' ELSE {moment} END"
    )


class Moment(TypeDecorator[datetime]):
    """A moment in UTC to the microsecond: ``timestamptz`` in PostgreSQL, Unix microseconds in SQLite."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the column type of *dialect*."""
        return DateTime(timezone=True) if dialect.name == "postgresql" else BigInteger()

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Return what the database is given."""
        if value is None or dialect.name == "postgresql":
            return value
        return to_microseconds(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Return what the database holds as a datetime in UTC."""
        if value is None:
            return None
        return of_postgresql(value) if dialect.name == "postgresql" else of_sqlite(value)

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return what is selected in the place of a column."""
        return _Near(column)


class Id(TypeDecorator[str]):
    """A 16-byte id as 32 hex digits: ``uuid`` in PostgreSQL, a BLOB in SQLite."""

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the column type of *dialect*."""
        return Uuid() if dialect.name == "postgresql" else LargeBinary(16)

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:
        """Return what the database is given; UUID text with dashes is taken as well."""
        if value is None:
            return None
        made = UUID(hex=value)
        return made if dialect.name == "postgresql" else made.bytes

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        """Return 32 hex digits."""
        if value is None:
            return None
        return str(value.hex) if isinstance(value, UUID) else bytes(value).hex()
