"""Spans, log records and metrics as plain data, independent of any SDK: what the plugin ``otel`` hands over for export."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from flowstone.catalogue.values import NO_ATTRIBUTES, Attributes, AttributeValue, SpanEvent, SpanLink

UNSET, OK, ERROR = 0, 1, 2  # status codes as OTLP numbers them

InstrumentKind = Literal["histogram", "counter", "updowncounter", "gauge"]


class Scope(NamedTuple):
    """The instrumentation scope: who made the telemetry.

    Attributes:
        name: Name of the package.
        version: Its version.
        schema_url: Which semantic conventions it follows.
    """

    name: str
    version: str
    schema_url: str


class SpanData(NamedTuple):
    """One ended span.

    A named tuple, because one is made for every operation in the drain and a frozen dataclass
    costs ten times as much.

    Attributes:
        trace_id: 32 hex digits.
        span_id: 16 hex digits.
        parent_id: 16 hex digits, empty at a root.
        name: The span's name.
        kind: The value of its ``opentelemetry.trace.SpanKind``.
        start: Unix nanoseconds.
        end: Unix nanoseconds.
        attributes: Its attributes.
        events: Its span events.
        links: Its links.
        status: ``UNSET``, ``OK`` or ``ERROR``.
        description: Why the status is ``ERROR``.
        dropped: Attributes, events and links that exceeded a limit.
    """

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: int
    start: int
    end: int
    attributes: Mapping[str, AttributeValue] = NO_ATTRIBUTES
    events: tuple[SpanEvent, ...] = ()
    links: tuple[SpanLink, ...] = ()
    status: int = UNSET
    description: str = ""
    dropped: tuple[int, int, int] = (0, 0, 0)


class LogData(NamedTuple):
    """One log record.

    Attributes:
        time: Unix nanoseconds at which it happened.
        observed: Unix nanoseconds at which it was made.
        event_name: Which kind of event it is.
        severity: OpenTelemetry's severity number.
        body: A line for readers.
        trace_id: 32 hex digits, empty outside of a trace.
        span_id: 16 hex digits, empty outside of a trace.
        sampled: Whether its trace is sampled.
        attributes: Its attributes.
        dropped: Attributes that exceeded a limit.
    """

    time: int
    observed: int
    event_name: str
    severity: int
    body: str
    trace_id: str = ""
    span_id: str = ""
    sampled: bool = True
    attributes: Attributes = NO_ATTRIBUTES
    dropped: int = 0

    @property
    def severity_text(self) -> str:
        """The severity's short name."""
        return SEVERITY_TEXTS[self.severity]


DEBUG, INFO, WARN, FAULT = 5, 9, 13, 17
"""Severity numbers as OpenTelemetry defines them; ``FAULT`` is its ERROR."""
SEVERITY_TEXTS: Final = {DEBUG: "DEBUG", INFO: "INFO", WARN: "WARN", FAULT: "ERROR"}


class Exemplar(NamedTuple):
    """One measurement of a histogram, with the span it was made in.

    Attributes:
        value: What was measured.
        time: Unix nanoseconds.
        trace_id: 32 hex digits.
        span_id: 16 hex digits.
    """

    value: float
    time: int
    trace_id: str
    span_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricPoint:
    """The state of one series.

    Attributes:
        attributes: What tells it from the other series of the metric.
        start: Unix nanoseconds from which it counts.
        time: Unix nanoseconds at which it was read.
        value: The value; of a histogram the sum.
        count: Measurements, of a histogram only.
        bucket_counts: Measurements per bucket, of a histogram only.
        minimum: Smallest measurement, of a histogram only.
        maximum: Largest measurement, of a histogram only.
        recent_minimum: Smallest measurement since the last export.
        recent_maximum: Largest measurement since the last export.
        exemplars: Measurements since the last export that stand for the others.
    """

    attributes: Attributes
    start: int
    time: int
    value: float
    count: int = 0
    bucket_counts: tuple[int, ...] = ()
    minimum: float = 0.0
    maximum: float = 0.0
    recent_minimum: float = 0.0
    recent_maximum: float = 0.0
    exemplars: tuple[Exemplar, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric with all its series.

    Attributes:
        name: Its name.
        kind: Its instrument.
        unit: Its unit, in UCUM.
        description: What it tells.
        buckets: Bounds of the buckets, of a histogram only.
        points: Its series.
    """

    name: str
    kind: InstrumentKind
    unit: str
    description: str
    buckets: tuple[float, ...] = ()
    points: tuple[MetricPoint, ...] = ()
