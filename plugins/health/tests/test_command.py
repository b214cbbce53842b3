"""`flowstone health`, as people and containers call it."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from flowstone.plugin import HealthCheck, HealthResult, hookimpl
from flowstone.testing.capture import capture
from flowstone_health.board import Board
from flowstone_health.command import health
from flowstone_health.server import Server
from tests.servers.ports import free_port

MakeBoard = Callable[..., Board]


class Provider:
    def __init__(self, status: str) -> None:
        self.status = status

    @hookimpl
    def provide_health_checks(self) -> list[HealthCheck]:
        found = HealthResult(status=self.status, message="look here", observed={"depth": (2, "{run}")})  # type: ignore[arg-type]
        return [HealthCheck(name="it", look=lambda: found)]


def _run(*arguments: str, status: str = "healthy") -> Result:
    with capture(Provider(status)):
        return CliRunner().invoke(health, arguments)


@pytest.mark.parametrize(("status", "code"), [("healthy", 0), ("degraded", 0), ("unhealthy", 1)])
def test_the_exit_code_is_for_containers(status: str, code: int) -> None:
    """With --exit-code it ends with 1 when unhealthy; without it, with 0."""
    assert (code, 0) == (_run("--exit-code", status=status).exit_code, _run(status=status).exit_code)


def test_it_shows_what_is_the_matter() -> None:
    """The first line is the whole; what is not well follows, with its message."""
    assert ["unhealthy", "  ✘ it: unhealthy: look here"] == _run(status="unhealthy").output.splitlines()


def test_verbose_shows_measurements() -> None:
    """With --verbose every check and measurement is shown."""
    assert "    it:depth = 2.0 {run}" in _run("--verbose").output.splitlines()


def test_json_is_the_document() -> None:
    """With --json the document is printed, checks and all."""
    assert "healthy" == orjson.loads(_run("--json").output)["checks"]["it"][0]["state"]


def test_it_asks_a_server(board: MakeBoard) -> None:
    """With --url the answer is the server's."""
    one = board(HealthCheck(name="theirs", look=lambda: False))
    with Server("127.0.0.1", free_port(), lambda: one) as server:
        found = CliRunner().invoke(health, ["--url", f"http://127.0.0.1:{server.port}", "--exit-code"])
    assert (1, ["unhealthy", "  ✘ theirs: unhealthy"]) == (found.exit_code, found.output.splitlines())


def test_verbose_is_asked_of_a_server_too(board: MakeBoard) -> None:
    """With --verbose a probe of a server tells its checks, which it does not unasked."""
    one = board(HealthCheck(name="theirs", look=lambda: True, applies_to=frozenset({"live"})))
    with Server("127.0.0.1", free_port(), lambda: one) as server:
        url = f"http://127.0.0.1:{server.port}/livez"
        told = [CliRunner().invoke(health, ["--url", url, *more]).output for more in ((), ("--verbose",))]
    assert (["healthy"], True) == (told[0].splitlines(), "  ✔ theirs: healthy" in told[1])


def test_the_time_to_wait_is_one_for_all(home: Path) -> None:
    """A server that drips is given up after the time-out, however often it sends something."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_drip, args=(listener,), daemon=True).start()
        began = time.monotonic()
        found = CliRunner().invoke(
            health, ["--url", f"http://127.0.0.1:{listener.getsockname()[1]}", "--timeout", "1"]
        )
    assert (1, True) == (found.exit_code, "(TimeoutError)" in found.output)
    assert time.monotonic() - began < 8


def _drip(listener: socket.socket) -> None:
    """Answer a byte at a time, for much longer than anybody waits."""
    with contextlib.suppress(OSError), listener.accept()[0] as client:
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        for _ in range(60):
            client.sendall(b" ")
            time.sleep(0.2)


def test_a_server_that_is_not_there_is_unhealthy(home: Path) -> None:
    """Where nobody answers, it says so and ends with 1."""
    found = CliRunner().invoke(health, ["--url", f"http://127.0.0.1:{free_port()}"])
    assert (1, True) == (found.exit_code, "no health from 127.0.0.1" in found.output)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/", "nonsense", "http://"])
def test_other_addresses_are_refused(url: str) -> None:
    """Only addresses of HTTP are asked."""
    assert 2 == CliRunner().invoke(health, ["--url", url]).exit_code
