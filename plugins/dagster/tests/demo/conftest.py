"""The demo as a user runs it: the command, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Done = subprocess.CompletedProcess[str]
Flowstone = Callable[..., Done]


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


@pytest.fixture(scope="session")
def first(flowstone: Flowstone, folder: Path) -> Done:
    """What the first run of the demo prints."""
    return flowstone("demo", "--folder", str(folder))


@pytest.fixture(scope="session")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home and databases of the user's, which are none of the demo's."""
    return tmp_path_factory.mktemp("elsewhere")


@pytest.fixture(scope="session")
def second(flowstone: Flowstone, folder: Path, elsewhere: Path, first: Done) -> dict[str, Any]:
    """What the second run in the same folder tells, as JSON, where the user keeps everything elsewhere."""
    settings = {
        f"FLOWSTONE_{name}_URL": f"sqlite:///{elsewhere / name}" for name in ("AUDIT", "PUBSUB", "STORE")
    }
    done = flowstone("demo", "--folder", str(folder), "--json", FLOWSTONE_HOME=str(elsewhere), **settings)
    assert 0 == done.returncode, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
