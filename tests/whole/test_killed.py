"""Killed work: what is left of it in the store, and how it is shown."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

pytest.importorskip("flowstone_console")

WORK = """
    import flowstone, time
    with flowstone.run("nightly", correlation_id="killed-1"):
        with flowstone.materialization("done"):
            pass
        with flowstone.materialization("doomed"):
            print("ready", flush=True)
            time.sleep(60)
"""


def test_work_that_is_killed_is_shown_as_abandoned(tmp_path: Path) -> None:
    """After kill -9 the trace shows what was finished, what was abandoned, and when it was last seen."""
    env = {**os.environ, "FLOWSTONE_HOME": str(tmp_path)}
    work = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WORK)], env=env, stdout=subprocess.PIPE, text=True
    )
    assert work.stdout is not None
    assert "ready\n" == work.stdout.readline()
    time.sleep(0.5)  # the bound of law 3, beside other work
    work.send_signal(signal.SIGKILL)
    work.wait()
    work.stdout.close()
    command = [sys.executable, "-m", "flowstone.cli.main", "trace", "killed-1"]
    shown = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert 1 == shown.returncode, shown.stdout + shown.stderr
    assert "✔ materialize done" in shown.stdout
    assert "† materialize doomed  abandoned, last seen " in shown.stdout
    assert "2 abandoned" in shown.stdout


def test_work_that_still_runs_is_shown_as_running(tmp_path: Path) -> None:
    """While the process lives, its trace says so."""
    env = {**os.environ, "FLOWSTONE_HOME": str(tmp_path)}
    work = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WORK)], env=env, stdout=subprocess.PIPE, text=True
    )
    try:
        assert work.stdout is not None
        work.stdout.readline()
        time.sleep(0.5)
        command = [sys.executable, "-m", "flowstone.cli.main", "trace", "killed-1"]
        shown = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        assert 0 == shown.returncode, shown.stdout + shown.stderr
        assert "2 running" in shown.stdout
    finally:
        work.kill()
        work.wait()
        assert work.stdout is not None
        work.stdout.close()
