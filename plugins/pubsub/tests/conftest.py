from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowstone_pubsub import current

# So that tests, and the processes they start, can import what they share.
sys.path.append(str(Path(__file__).parents[3]))


@pytest.fixture
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home of the test's, with the default log in it."""
    current.close(1.0)
    monkeypatch.setenv("FLOWSTONE_HOME", str(tmp_path))
    monkeypatch.delenv("FLOWSTONE_PUBSUB_URL", raising=False)
    yield tmp_path
    current.close(1.0)
