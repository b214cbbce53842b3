"""Dashboards and alerts are what the generator makes of the metrics, and about all of them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.generate.board import Panel
from deploy.generate.files import BOARDS, files
from deploy.generate.metrics import COLLECTOR, instruments, prometheus_name, selector
from deploy.generate.recording import groups
from deploy.generate.rules import ALERTS
from flowstone.otel.instruments import INSTRUMENTS
from tests.laws.tree import ROOT

DEPLOY = ROOT / "deploy"
RUNBOOKS = ROOT / "docs" / "runbooks"
PANELS = [panel for board in BOARDS for panel in board.panels]
_METRIC = re.compile(r"\b(?:flowstone|messaging|process|otelcol)_\w+(?=[{\[\s)]|$)")
_PART = re.compile(r"_(?:bucket|count|sum)$")


@pytest.mark.parametrize("name", sorted(files()))
def test_the_committed_file_is_current(name: str) -> None:
    """Each file is as `make dashboards` writes it."""
    assert files()[name] == (DEPLOY / name).read_text(encoding="utf-8"), "run: make dashboards"


def test_nothing_else_lies_beside_them() -> None:
    """No dashboard is left behind that the generator does not make."""
    made = {path.relative_to(DEPLOY).as_posix() for path in (DEPLOY / "grafana").glob("*.json")}
    assert {name for name in files() if name.startswith("grafana/")} == made


def test_every_metric_in_them_is_known() -> None:
    """Nothing is asked for that no instrument, collector or recording rule makes."""
    known = {prometheus_name(one) for one in instruments().values()} | set(COLLECTOR)
    labels = {label.key.replace(".", "_") for one in instruments().values() for label in one.labels}
    texts = [query.expr for panel in PANELS for query in panel.queries]
    texts += [rule.expr for group in groups() for rule in group.rules]
    texts += [condition.expr for alert in ALERTS for condition in alert.conditions]
    recorded = {rule.record for group in groups() for rule in group.rules}
    named = {found for text in texts for found in _METRIC.findall(_without(text, recorded))}
    assert set() == {
        name for name in named if name not in known | labels and _PART.sub("", name) not in known
    }


def test_every_metric_is_shown() -> None:
    """Each metric of flowstone and its plugins is on a dashboard."""
    shown = "\n".join(query.expr for panel in PANELS for query in panel.queries)
    recorded = {rule.record: rule.expr for group in groups() for rule in group.rules}
    shown += "\n".join(expr for record, expr in recorded.items() if record in shown)
    assert [] == [name for name, one in instruments().items() if prometheus_name(one) not in shown]


def test_a_name_that_is_none_is_refused() -> None:
    """The generator fails on a metric, a label or a part that does not exist."""
    with pytest.raises(KeyError):
        selector("flowstone.no.such")
    with pytest.raises(ValueError, match="no label"):
        selector("flowstone.run.duration", "count", flowstone__asset__key="orders")
    with pytest.raises(ValueError, match="no part"):
        selector("flowstone.run.duration")


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.title)
def test_panels_explain_themselves(panel: Panel) -> None:
    """Each panel says what it shows in a sentence."""
    assert panel.about.endswith(".")
    assert panel.queries


def test_every_alert_has_a_runbook() -> None:
    """Each alert has its page, of the same three parts, and no page is left over."""
    assert {alert.page for alert in ALERTS} == {path.name for path in RUNBOOKS.glob("*.md")}
    for alert in ALERTS:
        page = (RUNBOOKS / alert.page).read_text(encoding="utf-8")
        assert [f"# {alert.name}", "## What it means", "## Look", "## Do"] == re.findall(
            r"^#+ .*$", page, re.MULTILINE
        )
        assert f"Severity: {alert.severity}." in page


def test_every_alert_has_severity_and_texts() -> None:
    """Each rule says for how long, how bad, and where to read on."""
    rules = _rules("alerts.yaml")
    assert len(ALERTS) == len(rules)
    for rule in rules:
        assert {"alert", "expr", "for", "labels", "annotations"} == set(rule)
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert {"summary", "description", "runbook_url"} == set(rule["annotations"])
        assert (ROOT / rule["annotations"]["runbook_url"]).exists()


def test_runbooks_may_be_served_elsewhere() -> None:
    """The links of the alerts lead to where the generator is told that the runbooks are."""
    made = files("https://runbooks.example.com/")["prometheus/alerts.yaml"]
    assert "runbook_url: https://runbooks.example.com/flowstone-asset-late.md" in made


def test_datadog_asks_for_metrics_that_exist() -> None:
    """Each query of the Datadog dashboard names a metric, and every metric of the core is asked for."""
    text = (DEPLOY / "datadog" / "dashboard.json").read_text(encoding="utf-8")
    asked = set(re.findall(r'"query": "\w+:([\w.]+)\{', text))
    assert set() == asked - set(instruments())
    house = {"flowstone.resource.check.duration", "flowstone.resource.status"}  # the checks show them
    assert house == {one.name for one in INSTRUMENTS} - asked
    assert "@flowstone.correlation.id:*" in (DEPLOY / "datadog" / "retention-filter.json").read_text("utf-8")


def test_dashboards_have_ids_that_last() -> None:
    """Each dashboard has its own uid and no id, each panel a number of its own."""
    boards = [
        json.loads(Path(DEPLOY / name).read_text("utf-8")) for name in files() if name.startswith("grafana/")
    ]
    assert len(boards) == len({board["uid"] for board in boards})
    for board in boards:
        assert "id" not in board
        assert len(board["panels"]) == len({panel["id"] for panel in board["panels"]})


def _rules(name: str) -> list[dict[str, Any]]:
    content = yaml.safe_load((DEPLOY / "prometheus" / name).read_text(encoding="utf-8"))
    return [rule for group in content["groups"] for rule in group["rules"]]


def _without(text: str, recorded: set[str]) -> str:
    for name in sorted(recorded, key=len, reverse=True):
        text = text.replace(name, "")
    return text
