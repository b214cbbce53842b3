from __future__ import annotations

import pytest

from flowstone.runtime.export.config import DEFAULT_TIMEOUT, read

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}


def test_nothing_is_exported_unasked() -> None:
    """Without endpoint or exporter there is no export: no silent localhost."""
    assert not read({}).active


@pytest.mark.parametrize(
    ("env", "traces", "metrics"),
    [
        (ENDPOINT, ("otlp_proto_http",), ("otlp_proto_http",)),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317"},
            ("otlp_proto_grpc",),
            ("otlp_proto_grpc",),
        ),
        ({**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, ("otlp_proto_grpc",), ("otlp_proto_grpc",)),
        (
            {**ENDPOINT, "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "grpc"},
            ("otlp_proto_http",),
            ("otlp_proto_grpc",),
        ),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, ("otlp_proto_http",), ()),
        ({**ENDPOINT, "OTEL_TRACES_EXPORTER": "none"}, (), ("otlp_proto_http",)),
        ({"OTEL_TRACES_EXPORTER": "console,otlp"}, ("console", "otlp_proto_http"), ()),
    ],
)
def test_exporters_follow_the_environment(
    env: dict[str, str], traces: tuple[str, ...], metrics: tuple[str, ...]
) -> None:
    """Endpoints, exporter names and protocols of OTEL_* choose the exporters of each signal."""
    config = read(env)
    assert (traces, metrics) == (config.traces, config.metrics)


def test_disabled_means_disabled() -> None:
    """OTEL_SDK_DISABLED wins over any endpoint."""
    assert not read({**ENDPOINT, "OTEL_SDK_DISABLED": "true"}).active


def test_the_users_timeout_is_left_to_the_sdk() -> None:
    """Our short time-out holds only where no variable of OTEL_* sets one."""
    assert DEFAULT_TIMEOUT == read(ENDPOINT).traces_timeout
    assert read({"OTEL_EXPORTER_OTLP_TIMEOUT": "8"}).traces_timeout is None
    assert DEFAULT_TIMEOUT == read({"OTEL_EXPORTER_OTLP_METRICS_TIMEOUT": "8"}).traces_timeout


@pytest.mark.parametrize("nonsense", ["", "soon", "-1", "0", "inf", "nan"])
def test_nonsense_falls_back_to_the_default(nonsense: str) -> None:
    """A setting that is no positive number is as good as unset."""
    assert read({}).spans == read({"OTEL_BSP_SCHEDULE_DELAY": nonsense}).spans
