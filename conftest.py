"""What all tests have in common, those of the plugins too."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from flowstone.runtime import engine


@pytest.fixture(scope="session", autouse=True)
def _home(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep what tests leave behind (keys, claims, stores) out of the user's own folders.

    For good: what ends with the process, after the last test, is left behind too.
    """
    os.environ["FLOWSTONE_HOME"] = str(tmp_path_factory.mktemp("flowstone-home"))
    # For processes that are started without the former.
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="module", autouse=True)
def _delivered() -> Iterator[None]:
    """Have what the tests of a file emitted delivered before those of the next, which have homes of their own."""
    yield
    engine.drain(2.0)
