"""The value types that events carry besides plain strings and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

AttributeScalar = str | bool | int | float
AttributeValue = AttributeScalar | Sequence[AttributeScalar]
Attributes = Mapping[str, AttributeValue]

PartitionScalar = str | int | date  # datetime is a date
Partition = PartitionScalar | tuple[PartitionScalar, ...]

Status = Literal["success", "failure", "error", "skip", "timeout", "cancellation"]
ResourceStatus = Literal["healthy", "degraded", "unhealthy", "unknown"]
SensorResult = Literal["triggered", "skipped", "error"]
ExceptionKind = Literal["exception", "cancellation", "exit"]

STATUSES: tuple[Status, ...] = ("success", "failure", "error", "skip", "timeout", "cancellation")
RESOURCE_STATUSES: tuple[ResourceStatus, ...] = ("healthy", "degraded", "unhealthy", "unknown")


class _NoAttributes(dict[str, AttributeValue]):
    """The empty mapping, hashable so that it can be the default of a dataclass field."""

    __slots__ = ()

    def __hash__(self) -> int:  # type: ignore[override]
        return 0

    def __setitem__(self, key: str, value: AttributeValue) -> None:
        raise TypeError("these attributes are shared and cannot be changed")


NO_ATTRIBUTES: Attributes = _NoAttributes()


@dataclass(frozen=True, slots=True, kw_only=True)
class Error:
    """What went wrong.

    Attributes:
        type: Qualified class name of the exception, ``_OTHER`` where there is none.
        message: Its text, bounded.
        stack: The traceback as text, innermost frame last; empty where unknown.
    """

    type: str
    message: str = ""
    stack: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanEvent:
    """A moment that user code marked on the current span (``Span.add_event``).

    Attributes:
        name: Its name.
        time: Unix time in nanoseconds.
        attributes: Its attributes.
    """

    name: str
    time: int
    attributes: Attributes


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanLink:
    """A pointer to a span of this or another trace (``Span.add_link``).

    Attributes:
        trace_id: 32 hex digits.
        span_id: 16 hex digits.
        attributes: Why the two belong together.
    """

    trace_id: str
    span_id: str
    attributes: Attributes = NO_ATTRIBUTES


def partition_text(partition: Partition | None) -> str | None:
    """Return the display form of a partition: ISO dates, ``|`` between the parts of a tuple."""
    if partition is None or isinstance(partition, str):
        return partition
    if isinstance(partition, tuple):
        return "|".join(partition_text(part) or "" for part in partition)
    return partition.isoformat() if isinstance(partition, date) else str(partition)
