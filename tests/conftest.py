from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def _home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep what tests leave behind (keys, claims, stores) out of the user's own folder."""
    before = os.environ.get("FLOWSTONE_HOME")
    made = tmp_path_factory.mktemp("flowstone-home")
    os.environ["FLOWSTONE_HOME"] = before or str(made)
    yield made
    if before is None:
        del os.environ["FLOWSTONE_HOME"]
