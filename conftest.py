"""What all tests have in common, those of the plugins too."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(scope="session", autouse=True)
def _home(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep what tests leave behind (keys, claims, stores) out of the user's own folders.

    For good: what ends with the process, after the last test, is left behind too.
    """
    os.environ["FLOWSTONE_HOME"] = str(tmp_path_factory.mktemp("flowstone-home"))
    # For processes that are started without the former.
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))
