"""What the environment says about exporting; the one place where ``OTEL_*`` is read before the SDK is imported."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

Signal = Literal["traces", "metrics"]

DEFAULT_TIMEOUT: Final = 3.0
"""Seconds one export may take where the user did not say; the SDK's ten would outlast any exit."""
DEFAULT_DELAY: Final = 1.0
DEFAULT_BATCH: Final = 512
DEFAULT_QUEUE: Final = 32_768  # some 15 MB; a burst must outlast the import of the exporters
DEFAULT_INTERVAL: Final = 60.0
_GRPC_PORT: Final = 4317


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The settings of the export.

    Attributes:
        disabled: ``OTEL_SDK_DISABLED``.
        file: ``OTEL_CONFIG_FILE``, empty where there is none.
        traces: Names of the span exporters; empty means no export.
        metrics: Names of the metric exporters.
        traces_timeout: Seconds for one export, none where an ``OTEL_*`` variable says so itself.
        metrics_timeout: The same for metrics.
        delay: Seconds that spans are gathered before they are sent.
        batch: Spans sent at once.
        queue: Spans that wait to be sent at most.
        interval: Seconds between two exports of the metrics.
        sampler: ``OTEL_TRACES_SAMPLER``, empty for the default.
        exponential: Whether histograms shall be exponential.
        stock: Whether only the SDK's own way does justice to the settings.
    """

    disabled: bool = False
    file: str = ""
    traces: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    traces_timeout: float | None = DEFAULT_TIMEOUT
    metrics_timeout: float | None = DEFAULT_TIMEOUT
    delay: float = DEFAULT_DELAY
    batch: int = DEFAULT_BATCH
    queue: int = DEFAULT_QUEUE
    interval: float = DEFAULT_INTERVAL
    sampler: str = ""
    exponential: bool = False
    stock: bool = False

    @property
    def active(self) -> bool:
        """Whether anything is to be exported by exporters of our own."""
        return not self.disabled and bool(self.traces or self.metrics)


def read(environ: Mapping[str, str] | None = None) -> Config:
    """Return what *environ*, by default the process's, says."""
    env = os.environ if environ is None else environ
    return Config(
        disabled=_true(env, "OTEL_SDK_DISABLED"),
        file=env.get("OTEL_CONFIG_FILE", "").strip(),
        traces=_exporters(env, "traces"),
        metrics=_exporters(env, "metrics"),
        traces_timeout=_timeout(env, "TRACES"),
        metrics_timeout=_timeout(env, "METRICS"),
        delay=_number(env, "OTEL_BSP_SCHEDULE_DELAY", DEFAULT_DELAY * 1000) / 1000,
        batch=max(1, int(_number(env, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", DEFAULT_BATCH))),
        queue=max(1, int(_number(env, "OTEL_BSP_MAX_QUEUE_SIZE", DEFAULT_QUEUE))),
        interval=_number(env, "OTEL_METRIC_EXPORT_INTERVAL", DEFAULT_INTERVAL * 1000) / 1000,
        sampler=env.get("OTEL_TRACES_SAMPLER", "").strip(),
        exponential=env.get("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "").strip().lower()
        == "base2_exponential_bucket_histogram",
        # The exporters' own metrics count only what goes through their public method.
        stock=_true(env, "OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED"),
    )


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
