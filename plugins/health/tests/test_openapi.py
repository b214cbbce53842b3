"""The shipped OpenAPI document, and a fuzzer that holds a real server to it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from flowstone.plugin import HealthCheck, HealthResult
from flowstone_health.board import Board
from flowstone_health.server import Server
from tests.servers.ports import free_port

MakeBoard = Callable[..., Board]
GOOD = HealthCheck(name="good", look=lambda: HealthResult(observed={"depth": (1, "{run}")}))
BAD = HealthCheck(
    name="bad", look=lambda: HealthResult(status="unhealthy", message="down"), component="database"
)
ALIVE = HealthCheck(name="telemetry_drain", look=lambda: True, applies_to=frozenset({"live", "ready"}))


@pytest.mark.matrix  # a minute
@pytest.mark.parametrize("well", [True, False], ids=["well", "ill"])
def test_a_fuzzer_finds_nothing(board: MakeBoard, home: Path, well: bool) -> None:
    """Whatever is asked, the answers are those of the document; no 5xx but the honest 503, and that only when ill."""
    one = board(GOOD, ALIVE, *(() if well else (BAD,)))
    # Nobody is refused for want of a token, nor for a query that a load balancer adds; when ill, 503 is the answer.
    without = "ignored_auth,missing_required_header,negative_data_rejection"
    without += "" if well else ",not_a_server_error,positive_data_acceptance"
    with Server("127.0.0.1", free_port(), lambda: one) as server:
        document = f"http://127.0.0.1:{server.port}/openapi.json"
        command = [sys.executable, "-m", "schemathesis.cli", "run", document, "--checks", "all"]
        command += ["--exclude-checks", without, "--max-examples", "40", "--seed", "1", "--no-color"]
        environment = {**os.environ, "NO_PROXY": "127.0.0.1", "PYTHONWARNINGS": "ignore"}
        done = subprocess.run(
            command, env=environment, cwd=home, capture_output=True, text=True, timeout=240, check=False
        )
    assert 0 == done.returncode, done.stdout[-6000:] + done.stderr[-2000:]
