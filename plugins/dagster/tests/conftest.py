"""An interpreter with the adapter in it, and the means to run pipelines there."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from plugins.dagster.tests.environment import HERE, Run, Told, make

SCENARIOS = str(HERE / "scenarios.py")


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of the environment."""
    return make(tmp_path_factory.mktemp("environment"))


@pytest.fixture(scope="session")
def run(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run scenarios in a process of their own."""

    def start(
        *arguments: str, program: tuple[str, ...] = (SCENARIOS,), switch: str | None = "1", **environment: str
    ) -> Told:
        folder = tmp_path_factory.mktemp("run")
        told = folder / "events.jsonl"
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("FLOWSTONE", "OTEL"))}
        own = {"SINK_FILE": str(told), "FLOWSTONE_HOME": str(folder), "DAGSTER_HOME": str(folder)}
        switches = {} if switch is None else {"FLOWSTONE_DAGSTER": switch}
        (folder / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
        done = subprocess.run(
            [python, *program, *arguments],
            env={**kept, **own, **switches, **environment},
            capture_output=True,
            text=True,
            timeout=120,
            cwd=HERE,
            check=False,
        )
        lines = told.read_text(encoding="utf-8").splitlines() if told.exists() else []
        return Told(output=done.stdout, errors=done.stderr, events=[json.loads(line) for line in lines])

    return start
