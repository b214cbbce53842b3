"""What the three legs of an operation share: start, stop and exception."""

from __future__ import annotations

from dataclasses import dataclass

from flowstone.catalogue.event import Event, Process
from flowstone.catalogue.values import Error, ExceptionKind, SpanEvent, SpanLink, Status


@dataclass(frozen=True, kw_only=True)
class OperationStart(Event):
    """The fields of every ``*.start``.

    Attributes:
        process: Where the operation runs.
        links: Spans it follows from.
    """

    __slots__ = ()

    process: Process | None = None
    links: tuple[SpanLink, ...] = ()


@dataclass(frozen=True, kw_only=True)
class OperationEnd(Event):
    """The fields of every ``*.stop`` and ``*.exception``.

    Attributes:
        status: How it ended.
        duration: Nanoseconds by a monotonic clock; the span began at ``time - duration``.
        cpu_time: Nanoseconds of CPU that its thread used meanwhile; of runs and materializations of 1 ms
            or more that began and ended in one thread.
        peak_rss: The process's peak of resident memory so far, in bytes; of runs and materializations of
            1 ms or more.
        span_name: The span's name where user code renamed it, else empty.
        span_events: What user code marked on the span.
        links: Spans it follows from.
    """

    __slots__ = ()

    status: Status = "success"
    duration: int = 0
    cpu_time: int | None = None
    peak_rss: int | None = None
    span_name: str = ""
    span_events: tuple[SpanEvent, ...] = ()
    links: tuple[SpanLink, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Volume(Event):
    """How much was produced or moved.

    Attributes:
        size_bytes: Bytes, where known.
        rows: Rows, where known.
    """

    __slots__ = ()

    size_bytes: int | None = None
    rows: int | None = None


@dataclass(frozen=True, kw_only=True)
class OperationException(OperationEnd):
    """The fields of every ``*.exception``.

    Attributes:
        kind: ``exception``, ``cancellation`` or ``exit``.
        error: What was raised.
    """

    __slots__ = ()

    kind: ExceptionKind = "exception"
    error: Error | None = None
