"""Malformed settings, rows and events cost themselves, and nothing beside them."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from flowstone.plugin import MaterializationStop
from flowstone_console.command import trace
from flowstone_console.writer import Writer
from plugins.console.tests.story import BEGIN, SECOND, Story


@pytest.fixture(autouse=True)
def place(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWSTONE_STORE_URL", f"sqlite:///{path}")
    monkeypatch.setenv("FLOWSTONE_STORE_MAX_AGE", "9999 w")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(trace, list(arguments), catch_exceptions=False)


def test_a_row_that_cannot_be_read_spoils_no_list(writer: Writer, path: Path) -> None:
    """The others are listed, a note counts it; what comes in malformed is written so that it can be read."""
    writer.write(Story(1).success())
    writer.write(Story(2, begin=BEGIN + SECOND).success())
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "UPDATE traces SET last_time = 'now', first_time = 'now' WHERE correlation_id = 'order-2'"
        )
    assert "order-1" in run("--last").output
    result = run("--list")
    assert (0, True, False) == (result.exit_code, "order-1" in result.output, "order-2" in result.stdout)
    assert "1 trace is not listed: its row in the store cannot be read\n" == result.stderr
    assert 1 == len(json.loads(run("--list", "--json", "--limit", "1").stdout)["traces"])


@pytest.mark.parametrize("time", ["now", 1.5, None])
def test_an_event_whose_time_is_none_is_counted_as_lost(writer: Writer, time: Any) -> None:
    """The rest of its trace, and the other traces of its batch, are shown as ever."""
    story = Story(1)
    odd = replace(story.event(MaterializationStop, 9, 1, 20.0, asset="odd", duration=1), time=time)
    writer.write([*story.success(), odd, *Story(2).success()])
    assert (0, 0) == (run("order-2").exit_code, run("--list").exit_code)
    shown = run("order-1")
    assert (0, True) == (shown.exit_code, "run nightly" in shown.output)


@pytest.mark.parametrize(
    ("name", "value"), [("URL", "postgres://x"), ("MAX_BYTES", "lots"), ("MAX_AGE", "forever")]
)
def test_a_slip_in_a_setting_costs_no_trace(tmp_path: Path, name: str, value: str) -> None:
    """The default holds for who writes and who reads, and either says so in one line."""
    told = f"FLOWSTONE_STORE_{name} is {value!r}"
    env = {key: text for key, text in os.environ.items() if not key.startswith("FLOWSTONE_")}
    env |= {"FLOWSTONE_HOME": str(tmp_path), f"FLOWSTONE_STORE_{name}": value}
    program = "import flowstone\nfor _ in range(2):\n    with flowstone.run('nightly'): pass"
    shown = [sys.executable, "-m", "flowstone.cli.main", "trace", "--last"]
    answers = [
        subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
        for command in ([sys.executable, "-c", program], shown)
    ]
    for done in answers:
        assert (0, 1, True) == (done.returncode, len(done.stderr.splitlines()), told in done.stderr)
    assert "run nightly" in answers[1].stdout
