"""What the older OpenTelemetries that we support lack: tests that need it say so, and with which version."""

from __future__ import annotations

import inspect
from importlib.metadata import version
from typing import Final

import pytest
from opentelemetry.exporter.otlp.proto.common._internal import metrics_encoder
from opentelemetry.exporter.otlp.proto.http import metric_exporter
from opentelemetry.metrics import Meter
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

SDK: Final = version("opentelemetry-sdk")
ADVICE: Final = "explicit_bucket_boundaries_advisory" in inspect.signature(Meter.create_histogram).parameters
EXEMPLARS: Final = "exemplars" in inspect.getsource(metrics_encoder)
NAMED: Final = "event_name" in LogRecord.DESCRIPTOR.fields_by_name
CLIENT: Final = "self._client = " in inspect.getsource(metric_exporter)
SPLITTING: Final = "max_export_batch_size" in inspect.getsource(metric_exporter)

needs_advice: Final = pytest.mark.skipif(not ADVICE, reason=f"instruments of {SDK} take no advice on buckets")
needs_client: Final = pytest.mark.skipif(
    not CLIENT, reason=f"exporters of {SDK} have no client for ready bytes"
)
needs_exemplars: Final = pytest.mark.skipif(
    not EXEMPLARS, reason=f"the encoder of {SDK} leaves out exemplars"
)
needs_names: Final = pytest.mark.skipif(not NAMED, reason=f"log records of {SDK} have no event_name")
needs_splitting: Final = pytest.mark.skipif(not SPLITTING, reason=f"exporters of {SDK} split no requests")


def minor() -> tuple[int, int]:
    """Return major and minor version of the SDK."""
    major, second, *_ = SDK.split(".")
    return int(major), int(second)
