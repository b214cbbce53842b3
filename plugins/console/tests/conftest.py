from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from flowstone.plugin import Process, this_process
from flowstone_console.config import Config
from flowstone_console.store import Store
from flowstone_console.writer import Writer

# So that tests, and the processes they start, can import what they share.
sys.path.append(str(Path(__file__).parents[3]))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "traces.db"


@pytest.fixture
def config(path: Path) -> Config:
    return Config(path=path, max_age=1e9)


@pytest.fixture
def writer(path: Path, config: Config) -> Iterator[Writer]:
    made = Writer(Store(path), config)
    yield made
    made.close(1.0)


@pytest.fixture
def dead() -> Process:
    """A process of this host and boot that is gone."""
    return replace(this_process(), start_time=1)  # this pid, but started at another time: a reused one
