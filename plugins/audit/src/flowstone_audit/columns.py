"""Column types that hold the same values in SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Integer, LargeBinary, Uuid
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

Sequence = BigInteger().with_variant(Integer, "sqlite")
"""A 64-bit whole number; SQLite counts up by itself only in an INTEGER PRIMARY KEY."""


def to_datetime(microseconds: int) -> datetime:
    """Return Unix microseconds as a datetime in UTC, exactly."""
    return EPOCH + timedelta(0, 0, microseconds)


def to_microseconds(moment: datetime) -> int:
    """Return an aware datetime as Unix microseconds, exactly."""
    return (moment - EPOCH) // _MICROSECOND


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
        return value.astimezone(UTC) if dialect.name == "postgresql" else to_datetime(value)


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
