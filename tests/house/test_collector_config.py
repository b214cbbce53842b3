from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.laws.tree import ROOT

SIGNALS = ("traces", "logs", "metrics")


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "otel-collector-config.yaml").read_text(encoding="utf-8"))
    return loaded


@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize("kind", ["receivers", "processors", "exporters"])
def test_pipelines_name_defined_components(config: dict[str, Any], signal: str, kind: str) -> None:
    """Every pipeline is made of components that the file defines."""
    assert set() == set(config["service"]["pipelines"][signal][kind]) - set(config[kind])


@pytest.mark.parametrize("signal", SIGNALS)
def test_memory_is_limited_first(config: dict[str, Any], signal: str) -> None:
    """The memory limiter stands before any other processor."""
    assert "memory_limiter" == config["service"]["pipelines"][signal]["processors"][0]


def test_extensions_are_defined(config: dict[str, Any]) -> None:
    """Every extension the service starts is defined."""
    assert set() == set(config["service"]["extensions"]) - set(config["extensions"])


def test_it_listens_on_this_host_unless_told(config: dict[str, Any]) -> None:
    """The default of every listening endpoint is a loopback address."""
    protocols = config["receivers"]["otlp"]["protocols"]
    endpoints = [
        protocols["grpc"]["endpoint"],
        protocols["http"]["endpoint"],
        config["extensions"]["health_check"]["endpoint"],
    ]
    assert [] == [endpoint for endpoint in endpoints if ":-127.0.0.1:" not in endpoint]
