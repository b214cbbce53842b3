from __future__ import annotations

import pytest

from flowstone_dagster.demo.delivery import delivery

MONTH = {"delivered": True, "counters": {"export.sent.spans": 11}}
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.fixture(autouse=True)
def _no_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    for signal in ("", "TRACES_", "METRICS_", "LOGS_"):
        monkeypatch.delenv(f"OTEL_EXPORTER_OTLP_{signal}ENDPOINT", raising=False)


def test_without_an_endpoint_nothing_is_said() -> None:
    """Where nothing is sent, no delivery is told."""
    assert delivery(MONTH) is None


def test_an_endpoint_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """The output names the receiver, never the credentials in its address."""
    monkeypatch.setenv(ENDPOINT, "http://ann:secret@collector:4318")
    assert "The telemetry also went to http://collector:4318; search there for the correlation id." == str(
        delivery(MONTH)
    )


@pytest.mark.parametrize("lost", [{"delivered": False}, {"counters": {"export.failed.spans": 3}}])
def test_what_was_not_taken_is_said(monkeypatch: pytest.MonkeyPatch, lost: dict[str, object]) -> None:
    """A receiver that did not take everything is not told as a delivery."""
    monkeypatch.setenv(ENDPOINT, "http://collector:4318")
    found = delivery({**MONTH, **lost})
    assert found is not None
    assert not found.delivered
