"""One correlation id over three processes: asked in one, approved in another an hour later, a third killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

pytest.importorskip("flowstone_console")

HOUR = 3600 * 10**9

ASK = """
    import flowstone, sys, time
    with flowstone.run("prepare", run_id="r-ask", correlation_id="release-7"):
        with flowstone.materialization("report"):
            pass
        asked = time.time_ns()
        gate = flowstone.checkpoint("publish", timeout=86_400, now=lambda: asked).request()
    flowstone.flush()
    print(asked, gate.id)
"""
APPROVE = """
    import flowstone, sys
    later = int(sys.argv[1])
    flowstone.resume_checkpoint(sys.argv[2], now=lambda: later).approve(actor="ann", reason="ok")
"""
PUBLISH = """
    import flowstone, sys, time
    from flowstone import hosting
    began = int(sys.argv[1])
    scope = hosting.scope("python", "r-publish", pipeline="publish", correlation_id="release-7")
    run = hosting.Run("publish", scope=scope, span_id=1, start_time=began).begin()
    work = hosting.Materialization("site", scope=scope, span_id=2, parent_id=1, start_time=began + 1).begin()
    flowstone.flush()
    print("ready", flush=True)
    time.sleep(60)
"""


def start(script: str, home: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(script), *arguments]
    env = {**os.environ, "FLOWSTONE_HOME": str(home)}
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def say(script: str, home: Path, *arguments: str) -> str:
    process = start(script, home, *arguments)
    said, problem = process.communicate(timeout=60)
    assert (0, "") == (process.returncode, problem)
    return said


def trace(home: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "flowstone.cli.main", "trace", "release-7", *arguments]
    env = {**os.environ, "FLOWSTONE_HOME": str(home)}
    shown = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert 1 == shown.returncode, shown.stdout + shown.stderr
    return shown.stdout


def test_a_checkpoint_over_three_processes_shows_whole_and_in_order(tmp_path: Path) -> None:
    """The request, the approval an hour later in the run that asked, and what was killed after it."""
    asked, id = say(ASK, tmp_path).split()
    approved = int(asked) + HOUR
    say(APPROVE, tmp_path, str(approved), id)
    killed = start(PUBLISH, tmp_path, str(approved + 10**9))
    assert killed.stdout is not None
    assert "ready\n" == killed.stdout.readline()
    time.sleep(0.2)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    shown = trace(tmp_path, "--width", "200")
    expected = [
        "prepare  ✔ success",
        "✔ materialize report",
        "checkpoint publish requested",
        "checkpoint publish approved by ann: ok",
        "publish  † abandoned",
        "† run publish  abandoned",
        "† materialize site  abandoned, last seen ",
        "2 abandoned",
    ]
    assert expected == sorted(expected, key=shown.find)
    assert -1 not in [shown.find(line) for line in expected], shown
    document = json.loads(trace(tmp_path, "--json", "--events"))
    events = [event for each in document["traces"] for event in each["events"]]
    assert sorted(event["time"] for event in events) == [event["time"] for event in events]
    verdict = next(event for event in events if event["name"] == "checkpoint.approved")
    request = next(event for event in events if event["name"] == "checkpoint.requested")
    assert (HOUR, "r-ask", request["trace_id"], request["span_id"]) == (
        verdict["duration"],
        verdict["run_id"],
        verdict["trace_id"],
        verdict["links"][0]["span_id"],
    )
    assert 1 == len({event["id"] for event in events if event["name"].startswith("checkpoint.approved")})
