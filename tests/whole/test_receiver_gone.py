"""A receiver that is gone or dumb: the run is untouched, the exit bounded, the loss shown."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.servers.ports import free_port

pytest.importorskip("flowstone_console")

EXIT_S = 5.0
"""Law 1: the whole exit with a dead collector."""

WORK = """
    import flowstone
    with flowstone.run("nightly", correlation_id="gone-1"):
        for n in range(10):
            with flowstone.materialization(f"a{n}"):
                pass
    print("done", flush=True)
"""


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that accepts connections and never answers."""
    with closing(socket.socket()) as server:
        server.bind(("127.0.0.1", free_port()))
        server.listen(50)
        yield server.getsockname()[1]


@pytest.mark.parametrize("kind", ["refused", "silent"])
def test_the_exit_is_bounded_and_the_loss_is_shown(kind: str, tmp_path: Path, silent: int) -> None:
    """The work succeeds, the process leaves in time, and the trace says how many spans were not exported."""
    port = silent if kind == "silent" else free_port()
    env = {
        **os.environ,
        "FLOWSTONE_HOME": str(tmp_path),
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
        "OTEL_LOGS_EXPORTER": "none",
    }
    work = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WORK)], env=env, stdout=subprocess.PIPE, text=True
    )
    assert work.stdout is not None
    assert "done\n" == work.stdout.readline()
    leaving = time.monotonic()
    assert 0 == work.wait(30)
    assert time.monotonic() - leaving < EXIT_S
    work.stdout.close()
    for name in [name for name in env if name.startswith("OTEL")]:
        del env[name]
    command = [sys.executable, "-m", "flowstone.cli.main", "trace", "gone-1"]
    shown = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert "11 spans · 0 dropped · 11 not exported · 0 abandoned" in shown.stdout
