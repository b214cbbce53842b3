from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from flowstone_audit import database, flushing, recorder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home of its own; nothing of it is left behind in the process."""
    folder = tmp_path / "home"
    monkeypatch.setenv("FLOWSTONE_HOME", str(folder))
    monkeypatch.setenv("FLOWSTONE_DISABLED_PLUGINS", "console,dagster,health,pubsub")  # audit alone
    monkeypatch.delenv("FLOWSTONE_AUDIT_URL", raising=False)
    recorder.replace(None)
    yield folder
    flushing.shutdown(2.0)
    recorder.replace(None)
    database.close_all()


@pytest.fixture
def audit(home: Path, audit_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The audit log in a database of each kind; its URL."""
    monkeypatch.setenv("FLOWSTONE_AUDIT_URL", audit_url)
    return audit_url


@pytest.fixture
def unsealed(audit: str) -> str:
    """The same, sealed by nobody but the test."""
    chores = recorder.current().chores
    assert chores.wait_open(10.0)
    chores.stop()
    return audit


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """Runs commands, without a terminal."""
    monkeypatch.setenv("TZ", "UTC")
    return CliRunner()
