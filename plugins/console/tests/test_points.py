"""What stands in the tree for moments: checks of assets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from flowstone.plugin import CustomEvent
from flowstone_console.command import trace
from flowstone_console.writer import Writer
from plugins.console.tests.story import BEGIN, SECOND, Story


@pytest.fixture(autouse=True)
def place(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWSTONE_STORE_URL", f"sqlite:///{path}")
    monkeypatch.setenv("FLOWSTONE_STORE_MAX_AGE", "9999 w")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(trace, list(arguments), catch_exceptions=False)


def test_asset_checks_tell_their_name_and_result(writer: Writer) -> None:
    """A check that was passed, one that was not, and one that raised are told apart, though a plugin brings them."""
    story = Story(1)
    made: list[dict[str, Any]] = [
        {"name": "asset_check.start", "asset": "orders", "check": "fresh"},
        {"name": "asset_check.stop", "asset": "orders", "check": "fresh", "passed": True},
        {
            "name": "asset_check.stop",
            "asset": "orders",
            "check": "whole",
            "passed": False,
            "severity": "WARN",
        },
        {
            "name": "asset_check.exception",
            "asset": "orders",
            "check": "new",
            "error": {"type": "E", "message": "m"},
        },
    ]
    events = [
        CustomEvent(
            name=str(one.pop("name")),
            time=BEGIN + SECOND + number,
            trace_id=story.trace_id,
            span_id=f"{50 + number:016x}",
            parent_id=f"{1:016x}",
            correlation_id=story.correlation_id,
            attributes={
                f"flowstone.asset_check.{key}" if key in {"passed", "severity"} else key: value
                for key, value in one.items()
            },
        )
        for number, one in enumerate(made)
    ]
    writer.write([*story.success(), *events])
    shown = run("order-1").output
    for told in (
        "check orders:fresh began",
        "check orders:fresh passed",
        "check orders:whole did not pass (WARN)",
        "check orders:new raised",
        "E: m",
    ):
        assert told in shown
