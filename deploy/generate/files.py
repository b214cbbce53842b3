"""Which files are made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from deploy.generate import datadog, grafana, rules
from deploy.generate.boards import asset, health, overview, run, telemetry

BOARDS: Final = (overview.BOARD, asset.BOARD, run.BOARD, telemetry.BOARD, health.BOARD)


def files(runbooks: str = rules.RUNBOOKS) -> Mapping[str, str]:
    """Return the text of each file, by its path under ``deploy``."""
    made = {f"grafana/{board.uid}.json": grafana.text(board) for board in BOARDS}
    made["prometheus/rules.yaml"] = rules.recording_file()
    made["prometheus/alerts.yaml"] = rules.alerts_file(runbooks)
    made["datadog/dashboard.json"] = datadog.dashboard()
    made["datadog/retention-filter.json"] = datadog.retention_filter()
    return made
