"""The queries of the page on rates tell the first failure and the first loss."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import yaml

from tests.deploy.test_rules import told
from tests.laws.tree import ROOT

PAGE: Final = ROOT / "docs" / "how-to" / "watch-rates.md"
RUNS: Final = (
    'flowstone_run_duration_seconds_count{flowstone_pipeline_name="nightly", flowstone_outcome="%s"}'
)
# Days of success, a failure in the last hour but one, and a loss in the last.
SERIES: Final = {
    RUNS % "success": "100 100x1499 110x100",
    RUNS % "failure": "_x1500 1x100",
    'flowstone_telemetry_dropped_total{flowstone_reason="queue full"}': "_x1590 7x10",
}


def _recipe(title: str) -> str:
    found = re.search(rf"^{title}.*:\n\n((?: {{4}}.*\n)+)", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert found, title
    return found[1]


def _case(title: str, labels: str, value: float) -> dict[str, Any]:
    return {
        "expr": _recipe(title),
        "eval_time": "1600m",
        "exp_samples": [{"labels": labels, "value": value}],
    }


def test_the_first_failure_and_the_first_loss_are_seen(tmp_path: Path) -> None:
    """Of about ten runs one failed, and seven events were lost; neither had happened before."""
    rate = _case("Success rate of runs", '{flowstone_pipeline_name="nightly"}', 10.0 / 11)
    lost = _case("What flowstone itself lost", '{flowstone_reason="queue full"}', 7)
    series = [{"series": name, "values": values} for name, values in SERIES.items()]
    test = {"interval": "1m", "input_series": series, "promql_expr_test": [rate, lost]}
    file = tmp_path / "recipes.yaml"
    file.write_text(yaml.safe_dump({"tests": [test]}), encoding="utf-8")
    done = told("promtool", "test", "rules", str(file))
    assert 0 == done.returncode, done.stdout + done.stderr
