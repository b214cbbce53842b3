"""What the environment says about exporting; the one place where ``OTEL_*`` is read before the SDK is imported."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

from flowstone.runtime.export.limits import DEFAULT_LIMITS, Limits, log_limits, span_limits

Signal = Literal["traces", "metrics", "logs"]
Exemplars = Literal["trace_based", "always_on", "always_off"]

DEFAULT_TIMEOUT: Final = 3.0
"""Seconds one export may take where the user did not say; the SDK's ten would outlast any exit."""
DEFAULT_DELAY: Final = 1.0
DEFAULT_BATCH: Final = 512
DEFAULT_QUEUE: Final = 32_768  # some 15 MB; a burst must outlast the import of the exporters
DEFAULT_INTERVAL: Final = 60.0
_GRPC_PORT: Final = 4317


@dataclass(frozen=True, slots=True, kw_only=True)
class Batching:
    """How items are gathered before they are sent.

    Attributes:
        delay: Seconds that they are gathered.
        batch: How many are sent at once.
        queue: How many wait at most.
    """

    delay: float = DEFAULT_DELAY
    batch: int = DEFAULT_BATCH
    queue: int = DEFAULT_QUEUE


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The settings of the export.

    Attributes:
        disabled: ``OTEL_SDK_DISABLED``.
        file: ``OTEL_CONFIG_FILE``, empty where there is none.
        traces: Names of the span exporters; empty means no export.
        metrics: Names of the metric exporters.
        logs: Names of the log exporters.
        traces_timeout: Seconds for one export, none where an ``OTEL_*`` variable says so itself.
        metrics_timeout: The same for metrics.
        logs_timeout: The same for log records.
        spans: How spans are gathered before they are sent.
        records: How log records are gathered before they are sent.
        limits: How large a span may be.
        record_limits: How large a log record may be.
        exemplars: Which measurements may become examples of a histogram.
        interval: Seconds between two exports of the metrics.
        sampler: ``OTEL_TRACES_SAMPLER``, empty for the default.
        exponential: Whether histograms shall be exponential.
        stock: Whether only the SDK's own way does justice to the settings.
    """

    disabled: bool = False
    file: str = ""
    traces: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    logs: tuple[str, ...] = ()
    traces_timeout: float | None = DEFAULT_TIMEOUT
    metrics_timeout: float | None = DEFAULT_TIMEOUT
    logs_timeout: float | None = DEFAULT_TIMEOUT
    spans: Batching = Batching()
    records: Batching = Batching()
    limits: Limits = DEFAULT_LIMITS
    record_limits: Limits = DEFAULT_LIMITS
    exemplars: Exemplars = "trace_based"
    interval: float = DEFAULT_INTERVAL
    sampler: str = ""
    exponential: bool = False
    stock: bool = False

    @property
    def active(self) -> bool:
        """Whether anything is to be exported by exporters of our own."""
        return not self.disabled and bool(self.traces or self.metrics or self.logs)


def read(environ: Mapping[str, str] | None = None) -> Config:
    """Return what *environ*, by default the process's, says."""
    env = os.environ if environ is None else environ
    file = env.get("OTEL_CONFIG_FILE", "").strip()
    return Config(
        disabled=_true(env, "OTEL_SDK_DISABLED"),
        file=file,
        # A configuration file takes the place of the variables, as OpenTelemetry defines it.
        traces=() if file else _exporters(env, "traces"),
        metrics=() if file else _exporters(env, "metrics"),
        logs=() if file else _exporters(env, "logs"),
        traces_timeout=_timeout(env, "TRACES"),
        metrics_timeout=_timeout(env, "METRICS"),
        logs_timeout=_timeout(env, "LOGS"),
        spans=_batching(env, "OTEL_BSP"),
        records=_batching(env, "OTEL_BLRP"),
        limits=span_limits(env),
        record_limits=log_limits(env),
        exemplars=_exemplars(env),
        interval=_number(env, "OTEL_METRIC_EXPORT_INTERVAL", DEFAULT_INTERVAL * 1000) / 1000,
        sampler=env.get("OTEL_TRACES_SAMPLER", "").strip(),
        exponential=env.get("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "").strip().lower()
        == "base2_exponential_bucket_histogram",
        # The exporters' own metrics count only what goes through their public method.
        stock=_true(env, "OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED"),
    )


def _batching(env: Mapping[str, str], prefix: str) -> Batching:
    return Batching(
        delay=_number(env, f"{prefix}_SCHEDULE_DELAY", DEFAULT_DELAY * 1000) / 1000,
        batch=max(1, int(_number(env, f"{prefix}_MAX_EXPORT_BATCH_SIZE", DEFAULT_BATCH))),
        queue=max(1, int(_number(env, f"{prefix}_MAX_QUEUE_SIZE", DEFAULT_QUEUE))),
    )


def _exemplars(env: Mapping[str, str]) -> Exemplars:
    found = env.get("OTEL_METRICS_EXEMPLAR_FILTER", "").strip().lower()
    return found if found in ("always_on", "always_off") else "trace_based"  # type: ignore[return-value]  # one of them


def _true(env: Mapping[str, str], key: str) -> bool:
    return env.get(key, "").strip().lower() == "true"


def _number(env: Mapping[str, str], key: str, default: float) -> float:
    """Return a positive number, *default* where the variable holds none."""
    try:
        number = float(env.get(key, "") or default)
    except ValueError:
        return default
    return number if 0 < number < float("inf") else default


def _timeout(env: Mapping[str, str], signal: str) -> float | None:
    keys = ("OTEL_EXPORTER_OTLP_TIMEOUT", f"OTEL_EXPORTER_OTLP_{signal}_TIMEOUT")
    return None if any(env.get(key) for key in keys) else DEFAULT_TIMEOUT


def _exporters(env: Mapping[str, str], signal: Signal) -> tuple[str, ...]:
    """Return entry point names of exporters: those that are named, or OTLP where an endpoint is."""
    endpoint = env.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT") or env.get(
        "OTEL_EXPORTER_OTLP_ENDPOINT", ""
    )
    named = env.get(f"OTEL_{signal.upper()}_EXPORTER", "") or ("otlp" if endpoint else "")
    found = [name.strip() for name in named.split(",")]
    return tuple(
        f"otlp_proto_{_protocol(env, signal, endpoint)}" if name == "otlp" else name
        for name in dict.fromkeys(found)
        if name and name != "none"
    )


def _protocol(env: Mapping[str, str], signal: Signal, endpoint: str) -> str:
    """Return ``http`` or ``grpc``: as the protocol variables say, else by the port, else the specification's HTTP."""
    named = env.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL") or env.get(
        "OTEL_EXPORTER_OTLP_PROTOCOL", ""
    )
    if named.strip():
        return "grpc" if named.strip() == "grpc" else "http"
    try:
        port = urlsplit(endpoint if "//" in endpoint else f"//{endpoint}").port
    except ValueError:
        port = None
    return "grpc" if port == _GRPC_PORT else "http"
