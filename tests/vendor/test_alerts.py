"""Alerts that are made to fire for real: a fault, a real Prometheus, a real Alertmanager, a webhook."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.otel.receivers import until
from tests.servers import alertmanager, prometheus
from tests.servers.ports import free_port
from tests.vendor.monitored import busy, direct, hastened

pytestmark = pytest.mark.matrix

INJECTED = {
    "FlowstonePluginFailing",
    "FlowstoneResourceUnhealthy",
    "FlowstonePubsubLost",
    "FlowstoneAuditLost",
}


def test_injected_faults_reach_the_webhook(tmp_path: Path) -> None:
    """A listener that raises, a resource that is down, lost messages and lost audit entries are told; not before."""
    well, faulty = free_port(), free_port()
    exported = {"OTEL_METRICS_EXPORTER": "prometheus", "OTEL_TRACES_EXPORTER": "none"}
    with (
        alertmanager.running(tmp_path / "alertmanager") as (manager, webhook),
        busy(tmp_path / "well", {**exported, **direct(well)}, faulty=False),
        prometheus.running(
            tmp_path / "prometheus", {"shop": [well, faulty]}, hastened(tmp_path), manager.port
        ) as asked,
    ):
        assert until(lambda: asked.value("flowstone_run_duration_seconds_count"), 20) > 0
        until(lambda: INJECTED & webhook.firing(), 5)
        assert set() == INJECTED & webhook.firing()
        with busy(tmp_path / "faulty", {**exported, **direct(faulty)}, faulty=True):
            until(lambda: webhook.firing() >= INJECTED, 45)
            assert set() == INJECTED - webhook.firing()
        told = {one["labels"]["alertname"]: one["annotations"] for one in webhook.alerts}
        assert (
            "docs/runbooks/flowstone-resource-unhealthy.md"
            == told["FlowstoneResourceUnhealthy"]["runbook_url"]
        )
        assert "The resource lake is unhealthy" == told["FlowstoneResourceUnhealthy"]["summary"]
