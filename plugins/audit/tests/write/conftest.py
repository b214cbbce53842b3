from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flowstone.testing.capture import capture
from flowstone_audit import database, flushing, recorder
from plugins.audit.tests.write.log_table import Log


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home of its own, with SQLite; nothing of it is left behind in the process."""
    folder = tmp_path / "home"
    monkeypatch.setenv("FLOWSTONE_HOME", str(folder))
    monkeypatch.setenv("FLOWSTONE_STORE_URL", "off")
    monkeypatch.delenv("FLOWSTONE_AUDIT_URL", raising=False)
    recorder.replace(None)
    with capture():  # what is emitted on the way reaches no plugin of this environment
        yield folder
    keeper = recorder.peek()
    if keeper is not None and keeper.is_at_work:
        keeper.chores.stop()
        thread = keeper.chores._thread
        if thread is not None:  # a connection that it has in use could not be closed
            thread.join(10)
    flushing.shutdown(2.0)
    recorder.replace(None)
    database.close_all()


@pytest.fixture
def audit_log(home: Path, audit_url: str, monkeypatch: pytest.MonkeyPatch) -> Log:
    """The log in a database of each kind."""
    monkeypatch.setenv("FLOWSTONE_AUDIT_URL", audit_url)
    return Log()
