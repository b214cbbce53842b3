"""Every metric that dashboards and rules may name, and what Prometheus calls it.

Names follow ``UnderscoreEscapingWithSuffixes``: dots become underscores, the unit is added, counters end in
``_total`` (https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/). Tests hold
that a real scrape has these names.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from flowstone.otel.instruments import INSTRUMENTS, Instrument, Label, of_plugins
from flowstone.otel.process import PROCESS
from flowstone.runtime import engine

ENVIRONMENT: Final = "deployment.environment.name"
"""What tells production from staging; empty where nobody said, as on metrics that a process serves itself."""
SERVICE: Final = ("job", ENVIRONMENT)
"""What every rule tells apart."""

_UNITS: Final = {"s": "seconds", "By": "bytes"}
_PARTS: Final = ("count", "sum", "bucket")


def _labels(*keys: str) -> tuple[Label, ...]:
    return tuple(Label(key=key) for key in keys)


# What the collector's connector `span_metrics` makes of spans, with the dimensions of our configuration.
_OF_SPANS: Final = _labels(
    "span.name", "status.code", "flowstone.pipeline.name", "flowstone.orchestrator.name", "error.type"
)
SPANS: Final = (
    Instrument(
        name="flowstone.span.calls",
        kind="counter",
        unit="",
        description="Spans that reached the collector.",
        labels=_OF_SPANS,
        events=(),
    ),
    Instrument(
        name="flowstone.span.duration",
        kind="histogram",
        unit="s",
        description="How long the spans lasted that reached the collector.",
        labels=_OF_SPANS,
        events=(),
    ),
)

# The collector's own metrics, as it serves them with our configuration: without suffixes.
COLLECTOR: Final[Mapping[str, tuple[str, ...]]] = {
    "otelcol_exporter_enqueue_failed_log_records": ("exporter",),
    "otelcol_exporter_enqueue_failed_metric_points": ("exporter",),
    "otelcol_exporter_enqueue_failed_spans": ("exporter",),
    "otelcol_exporter_queue_capacity": ("exporter", "data_type"),
    "otelcol_exporter_queue_size": ("exporter", "data_type"),
    "otelcol_exporter_send_failed_log_records": ("exporter",),
    "otelcol_exporter_send_failed_metric_points": ("exporter",),
    "otelcol_exporter_send_failed_spans": ("exporter",),
    "otelcol_exporter_sent_log_records": ("exporter",),
    "otelcol_exporter_sent_metric_points": ("exporter",),
    "otelcol_exporter_sent_spans": ("exporter",),
    "otelcol_process_memory_rss": (),
    "otelcol_process_uptime": (),
    "otelcol_receiver_accepted_log_records": ("receiver",),
    "otelcol_receiver_accepted_metric_points": ("receiver",),
    "otelcol_receiver_accepted_spans": ("receiver",),
    "otelcol_receiver_refused_log_records": ("receiver",),
    "otelcol_receiver_refused_metric_points": ("receiver",),
    "otelcol_receiver_refused_spans": ("receiver",),
}


@cache
def instruments() -> Mapping[str, Instrument]:
    """Return all metrics of flowstone and its plugins, by name; loads the plugins that are installed."""
    engine.for_reading()
    return {one.name: one for one in (*INSTRUMENTS, *PROCESS, *of_plugins(), *SPANS)}


def prometheus_label(key: str) -> str:
    """Return what Prometheus calls an attribute."""
    return key.replace(".", "_")


def prometheus_name(instrument: Instrument) -> str:
    """Return what Prometheus calls a metric, without the part of a histogram."""
    name = instrument.name.replace(".", "_")
    unit = _UNITS.get(instrument.unit, "")
    if unit and not name.endswith(f"_{unit}"):
        name = f"{name}_{unit}"
    if instrument.kind == "gauge" and instrument.unit == "1":
        name = f"{name}_ratio"
    return f"{name}_total" if instrument.kind == "counter" else name


def selector(metric: str, part: str = "", scope: str = "", **matched: str) -> str:
    """Return the selector of a metric's series.

    Args:
        metric: OpenTelemetry's name, or that of one of the collector's own metrics.
        part: ``count``, ``sum`` or ``bucket`` of a histogram.
        scope: Matchers that are taken as they are, such as ``job=~"$job"``.
        matched: Value by label, the dots of its key written as ``__``; one that begins with ``~`` is a
            regular expression, one with ``!`` must not be met.

    Raises:
        KeyError: There is no such metric.
        ValueError: The metric has no such label or part.
    """
    if metric in COLLECTOR:
        name, known = metric, COLLECTOR[metric]
    else:
        instrument = instruments()[metric]
        name, known = prometheus_name(instrument), tuple(label.key for label in instrument.labels)
        if (instrument.kind == "histogram") != (part in _PARTS):
            raise ValueError(f"{metric} is a {instrument.kind}; it has no part {part!r}")
    matchers = [scope] if scope else []
    for word, value in matched.items():
        key = word.replace("__", ".")
        if key not in known:
            raise ValueError(f"{metric} has no label {key}")
        matchers.append(f'{prometheus_label(key)}{_operator(value)}"{value.lstrip("!~")}"')
    inner = f"{{{', '.join(matchers)}}}" if matchers else ""
    return f"{name}_{part}{inner}" if part else f"{name}{inner}"


def _operator(value: str) -> str:
    return "=~" if value.startswith("~") else "!=" if value.startswith("!") else "="
