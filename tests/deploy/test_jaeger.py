"""Jaeger as we ship it runs beside the collector."""

from __future__ import annotations

import re

from tests.laws.tree import ROOT

COLLECTOR = [ROOT / "otel-collector-config.yaml", *(ROOT / "deploy" / "collector").glob("*.yaml")]
JAEGER = ROOT / "deploy" / "jaeger.yaml"


def test_jaeger_takes_no_port_of_the_collector() -> None:
    """No default of a port is in both, and Jaeger's own metrics, which would be on one more, are off."""
    ours = JAEGER.read_text(encoding="utf-8")
    ports = set(re.findall(r":-127\.0\.0\.1:(\d+)\}", ours))
    theirs = {
        port
        for file in COLLECTOR
        for port in re.findall(r":-(?:127\.0\.0\.1:)?(\d+)\}", file.read_text(encoding="utf-8"))
    }
    assert {"4317", "4318", "13133", "8888"} <= theirs
    assert (3, set()) == (len(ports), ports & theirs)
    assert "metrics:\n      level: none" in ours
