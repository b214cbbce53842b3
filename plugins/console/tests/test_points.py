"""What stands in the tree for moments: checkpoints that wait, and checks of assets."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from flowstone.plugin import CheckpointApproved, CheckpointRequested, CustomEvent
from flowstone_console.command import trace
from flowstone_console.writer import Writer
from plugins.console.tests.story import BEGIN, SECOND, Story


@pytest.fixture(autouse=True)
def place(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWSTONE_STORE_URL", f"sqlite:///{path}")
    monkeypatch.setenv("FLOWSTONE_STORE_MAX_AGE", "9999 w")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(trace, list(arguments), catch_exceptions=False)


def test_a_waiting_checkpoint_shows_its_token(writer: Writer) -> None:
    """In full, however narrow the terminal, in the tree and in the document; one that is decided shows none."""
    token = "fsc1." + "k" * 300
    story = Story(1, begin=time.time_ns() - 60 * SECOND)
    asked = [
        story.event(
            CheckpointRequested, 40, 1, 1.0, checkpoint="publish", checkpoint_id=token, timeout=3600.0
        ),
        story.event(CheckpointRequested, 42, 1, 2.0, checkpoint="other", checkpoint_id="decided"),
        story.event(CheckpointApproved, 43, 1, 3.0, checkpoint="other", checkpoint_id="decided", actor="ann"),
        story.event(
            CheckpointRequested, 44, 1, 2.0, checkpoint="late", checkpoint_id="too-late", timeout=0.0
        ),
    ]
    writer.write([*story.success(), *asked])
    shown = run("order-1", "--width", "60").output
    lines = shown.splitlines()
    at = next(
        number for number, line in enumerate(lines) if "checkpoint publish requested, undecided" in line
    )
    assert f"token {token}" == lines[at + 1].strip("│ ")
    assert 1 == shown.count("token")
    document = json.loads(run("order-1", "--json").output)
    points = document["traces"][0]["nodes"][0]["points"]
    assert {"publish": token, "other": "", "late": ""} == {
        point["title"].split()[1].strip(","): point["token"]
        for point in points
        if point["event"] == "checkpoint.requested"
    }


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
