from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flowstone.plugin import HealthCheck
from flowstone_health import reporting
from flowstone_health.board import Board
from flowstone_health.resources import Resources

# So that tests can import what they share.
sys.path.append(str(Path(__file__).parents[3]))

MakeBoard = Callable[..., Board]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A place of one's own, and no health reporting left over from another test."""
    monkeypatch.setenv("FLOWSTONE_HOME", str(tmp_path / "home"))
    reporting.forget()
    yield tmp_path
    reporting.forget()


@pytest.fixture
def board() -> Iterator[MakeBoard]:
    """Makes boards with the checks that it is given; they have looked once when it returns."""
    made: list[Board] = []

    def make(*checks: HealthCheck, resources: Resources | None = None, wait: float = 5.0) -> Board:
        one = Board(lambda: checks, resources)
        made.append(one)
        one.start()
        assert one.looked.wait(wait)
        return one

    yield make
    for one in made:
        one.stop()
