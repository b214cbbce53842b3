"""Builds exporters, by the names under which they are registered as entry points."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from flowstone.runtime.export.config import Config, Signal
from flowstone.runtime.export.importing import patient
from flowstone.runtime.export.log_records import Exporter, import_sdk
from flowstone.runtime.export.quiet import warn

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricExporter, MetricReader
    from opentelemetry.sdk.trace.export import SpanExporter


def span_exporter(name: str, config: Config) -> SpanExporter | None:
    """Return the span exporter called *name*, none with a warning if it cannot be built."""
    return _build(name, "traces", config.traces_timeout)  # type: ignore[return-value]  # what the group holds


def log_exporter(name: str, config: Config) -> Exporter | None:
    """Return the log exporter called *name*, none with a warning if it cannot be built."""
    return _build(name, "logs", config.logs_timeout)  # type: ignore[return-value]  # what the group holds


def metric_exporters(config: Config) -> list[MetricExporter | MetricReader]:
    """Return the configured metric exporters, or readers where an entry point brings one."""
    made = [_build(name, "metrics", config.metrics_timeout) for name in config.metrics]
    return [exporter for exporter in made if exporter is not None]  # type: ignore[misc]


def _build(name: str, signal: Signal, timeout: float | None) -> object | None:
    """Fault wall: a wrong setting or a broken third-party exporter must not reach the pipeline."""
    try:
        found = next(iter(entry_points(group=f"opentelemetry_{signal}_exporter", name=name)), None)
        if found is None:
            warn("no exporter %r for %s is installed; nothing is exported to it", name, signal)
            return None
        if signal == "logs":
            patient(import_sdk)
        make = patient(found.load)
        if name.startswith("otlp_proto_") and timeout is not None:
            exporter: object = make(timeout=timeout)
        else:
            exporter = make()
    except Exception as error:
        warn("cannot build the exporter %r for %s: %s: %s", name, signal, type(error).__name__, error)
        return None
    return exporter
