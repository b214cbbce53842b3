from __future__ import annotations

from pathlib import Path

import pytest

from flowstone.face import keys


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own for each test's key and claims."""
    monkeypatch.setattr(keys, "_spare", {})
    monkeypatch.setenv("FLOWSTONE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"
