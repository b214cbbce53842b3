"""The contract that every plugin keeps."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import pytest

from flowstone.testing.contract import PluginContract
from flowstone_audit import recorder
from flowstone_audit.plugin import AuditPlugin


class TestAudit(PluginContract):
    """The audit log keeps it."""

    plugin: ClassVar[type] = AuditPlugin

    @pytest.fixture(autouse=True)
    def _forgets(self) -> None:
        recorder.replace(None)


def test_a_short_process_does_not_pay_for_the_database(tmp_path: Path) -> None:
    """A process that only emits events spools them, and imports neither SQLAlchemy nor Alembic, at exit either."""
    script = (
        "import atexit, sys\n"
        "atexit.register(lambda: print([one for one in ('sqlalchemy', 'alembic', 'psycopg') if one in sys.modules]))\n"
        "import flowstone\n"
        "with flowstone.run('nightly'): pass\n"
        "flowstone.flush()\n"
    )
    env = {**os.environ, "FLOWSTONE_HOME": str(tmp_path / "home"), "FLOWSTONE_STORE_URL": "off"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, env=env)
    assert (b"[]\n", b"") == (done.stdout, done.stderr)
    assert 1 == len(list((tmp_path / "home" / "audit" / "spool").glob("*.spool")))
