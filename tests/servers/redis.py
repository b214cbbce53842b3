"""A real Redis for the tests: the distribution's, because the wheels that carry one are of 2021."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers.programs import Program

MISSING = "no Redis server here; on Debian and Ubuntu: apt-get install redis-server"


def binary() -> str | None:
    """Return the server's program; None where there is none."""
    return shutil.which("redis-server", path="/usr/bin:/usr/local/bin:/opt/homebrew/bin") or shutil.which(
        "redis-server"
    )


class RedisServer(Program):
    """A Redis of one's own.

    Args:
        folder: Its data.
        durable: Whether it writes all to an append-only file before it answers; else a restart loses everything.
    """

    def __init__(self, folder: Path, durable: bool) -> None:
        super().__init__(folder)
        self._durable = durable

    def command(self) -> Sequence[str]:
        """Return the command."""
        found = binary()
        assert found is not None
        kept = ["--appendonly", "yes", "--appendfsync", "always"] if self._durable else ["--appendonly", "no"]
        where = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder)]
        return [found, *where, "--save", "", *kept]

    def url(self, prefix: str = "flowstone", port: int | None = None) -> str:
        """Return the URL of a log in it, reached over another *port* where one is given."""
        return f"redis://127.0.0.1:{port or self.port}/0?prefix={prefix}"


@contextmanager
def running(durable: bool = False) -> Iterator[RedisServer]:
    """Run a Redis of one's own; skip the test where none is installed."""
    if binary() is None:
        pytest.skip(MISSING)
    folder = Path(tempfile.mkdtemp(prefix="flowstone-redis-"))
    server = RedisServer(folder, durable)
    try:
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)
