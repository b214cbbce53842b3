"""What panels show of a few processes, as Prometheus itself works it out."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from deploy.generate.files import BOARDS
from tests.deploy.test_rules import told

CHECK: Final = 'flowstone_health_status{job="shop", instance="%s", flowstone_health_check_name="disk", flowstone_health_state="%s"}'
BROKEN: Final = 'flowstone_resource_status{job="shop", instance="%s", flowstone_resource_name="lake", flowstone_resource_status="unhealthy"}'
FAILED: Final = 'flowstone_run_duration_seconds_count{job="shop", flowstone_pipeline_name="nightly", flowstone_outcome="failure", error_type="ValueError"}'
STATES: Final = ("healthy", "degraded", "unhealthy")
# Two processes: one finds the disk degraded, the other unhealthy; both find the lake unhealthy. Then the first failure.
SERIES: Final = {
    **{CHECK % ("a", state): f"{int(state == 'degraded')}x60" for state in STATES},
    **{CHECK % ("b", state): f"{int(state == 'unhealthy')}x60" for state in STATES},
    **{BROKEN % instance: "1x60" for instance in "ab"},
    FAILED: "_x55 1x5",
}
FILLED: Final = {
    "$__rate_interval": "10m",
    "$__range": "1h",
    "$job": "shop",
    "$environment": "prod",
    "$pipeline": ".*",
}


def _expression(board: str, title: str) -> str:
    panel = next(
        panel
        for one in BOARDS
        if one.uid == f"flowstone-{board}"
        for panel in one.panels
        if panel.title == title
    )
    text = panel.queries[0].expr
    for name, value in FILLED.items():
        text = text.replace(name, value)
    return text


@pytest.mark.parametrize(
    ("board", "title", "labels", "value"),
    [
        ("health", "Checks", '{job="shop", flowstone_health_check_name="disk"}', 2),
        ("overview", "Unhealthy resources", "{}", 1),
        ("overview", "Failed runs", "{}", 1),
        ("overview", "Runs by outcome", '{flowstone_outcome="failure"}', 1),
        ("run", "Runs by outcome", '{flowstone_outcome="failure"}', 1),
        ("run", "Errors", '{error_type="ValueError"}', 1),
    ],
)
def test_panels_tell_the_worst_and_the_first(
    tmp_path: Path, board: str, title: str, labels: str, value: float
) -> None:
    """A state of several processes is the worst, a resource counts once, and a first failure is there."""
    case: dict[str, Any] = {
        "expr": _expression(board, title),
        "eval_time": "58m",
        "exp_samples": [{"labels": labels, "value": value}],
    }
    series = [{"series": name, "values": values} for name, values in SERIES.items()]
    test = {"interval": "1m", "input_series": series, "promql_expr_test": [case]}
    file = tmp_path / "panel.yaml"
    file.write_text(yaml.safe_dump({"tests": [test]}), encoding="utf-8")
    done = told("promtool", "test", "rules", str(file))
    assert 0 == done.returncode, done.stdout + done.stderr
