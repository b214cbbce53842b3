"""Prometheus itself says what our rules do, without waiting: promtool."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest
import yaml

from deploy.generate.rules import ALERTS
from tests.laws.tree import ROOT

RULES = ROOT / "deploy" / "prometheus"
TESTS = sorted((RULES / "tests").glob("*.yaml"))


def told(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program of Prometheus; skip the test where it is not installed."""
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"no {program} here; apt-get install prometheus prometheus-alertmanager")
    return subprocess.run(
        [found, *arguments], cwd=RULES, capture_output=True, text=True, timeout=400, check=False
    )


def test_the_configurations_are_valid() -> None:
    """Prometheus takes our configuration with all rules, Alertmanager its own."""
    for done in (
        told("promtool", "check", "config", "prometheus.yaml"),
        told("promtool", "check", "config", "local.yaml"),
        told("amtool", "check-config", "alertmanager.yaml"),
    ):
        assert 0 == done.returncode, done.stdout + done.stderr


@pytest.mark.matrix  # promtool takes minutes for them
@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.stem)
def test_alerts_fire_where_they_must_and_only_there(file: Path) -> None:
    """All cases hold, the texts of the alerts included."""
    done = told("promtool", "test", "rules", f"tests/{file.name}")
    assert 0 == done.returncode, done.stdout + done.stderr


def test_every_alert_has_cases_of_both_kinds() -> None:
    """Each alert has a case in which it fires, and one in which it does not."""
    cases = [
        check
        for file in TESTS
        for case in yaml.safe_load(file.read_text(encoding="utf-8"))["tests"]
        for check in case["alert_rule_test"]
    ]
    firing = Counter(one["alertname"] for one in cases if one["exp_alerts"])
    quiet = Counter(one["alertname"] for one in cases if not one["exp_alerts"])
    names = {alert.name for alert in ALERTS}
    assert (names, names) == (set(firing), set(quiet))
