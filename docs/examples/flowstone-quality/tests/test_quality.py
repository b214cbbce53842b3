"""What this plugin promises beside the contract."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

import flowstone
from flowstone.plugin import HealthCheck
from flowstone.testing import Capture, CountingIds, StepClock
from flowstone_quality.command import quality
from flowstone_quality.plugin import QualityPlugin


@pytest.fixture
def captured(flowstone_capture: Capture) -> Capture:
    """The capture, with the plugin registered."""
    flowstone_capture.engine.plugins.register(QualityPlugin(), "quality")
    return flowstone_capture


def _check(captured: Capture) -> HealthCheck:
    (hook,) = captured.engine.plugins.implementations("provide_health_checks")
    (check,) = hook.call(None)
    assert isinstance(check, HealthCheck)
    return check


def test_a_materialization_is_checked_under_its_own_ids(captured: Capture) -> None:
    """The check is a span below the materialization, with the same correlation id."""
    with StepClock(), CountingIds(), flowstone.materialization("orders") as orders:
        orders.rows = 3
    assert "materialize orders" in [span.name for span in captured.spans]
    check, work = captured.span("quality.checked"), captured.span("materialize orders")
    assert (work.trace_id, work.span_id) == (check.trace_id, check.parent_id)
    assert work.attributes["flowstone.correlation.id"] == check.attributes["flowstone.correlation.id"]
    assert check.attributes["flowstone.quality.rows"] == 3
    assert check.attributes["flowstone.quality.passed"] is True


def test_health_follows_the_last_check(captured: Capture) -> None:
    """An asset without rows is unhealthy until it has some again."""
    check = _check(captured)
    assert check.answer().status == "healthy"
    for rows, state in ((0, "unhealthy"), (5, "healthy")):
        with flowstone.materialization("orders") as orders:
            orders.rows = rows
        assert captured.of("quality.checked")
        assert state == check.answer().status


def test_what_tells_no_rows_is_not_checked(captured: Capture) -> None:
    """Without a number of rows there is no verdict."""
    with flowstone.materialization("orders"):
        pass
    assert captured.of("quality.checked") == []


@pytest.mark.parametrize(("least", "code"), [("2", 0), ("3", 1)])
def test_the_command_judges_a_file(
    least: str, code: int, captured: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exit code says whether the file has the rows that are wanted."""
    monkeypatch.setenv("FLOWSTONE_QUALITY_MIN_ROWS", least)
    file = tmp_path / "orders.csv"
    file.write_text("id\n1\n2\n", encoding="utf-8")
    result = CliRunner().invoke(quality, [str(file)])
    assert code == result.exit_code
    assert f"orders.csv: 2 rows, at least {least} wanted\n" == result.output
    assert [code == 0] == [event.passed for event in captured.of("quality.checked")]  # type: ignore[attr-defined]
