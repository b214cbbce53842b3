"""The demo as a user runs it: the command, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Flowstone = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def flowstone(tmp_path_factory: pytest.TempPathFactory) -> Flowstone:
    """Run the command line, with an empty home and nothing of ours in the environment."""
    home = tmp_path_factory.mktemp("home")
    ours = ("FLOWSTONE", "OTEL", "DAGSTER", "DEMO")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(ours)}

    def start(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "flowstone.cli.main", *arguments],
            env={
                **kept,
                "HOME": str(home),
                "XDG_STATE_HOME": str(home / "state"),
                "COLUMNS": "100",
                **environment,
            },
            cwd=home,
            capture_output=True,
            encoding="utf-8",
            timeout=180,
            check=False,
        )

    return start


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of both runs of the demo."""
    return tmp_path_factory.mktemp("demo") / "folder"
