"""Twins of the origin's health tests, on a real PostgreSQL that is stopped and started again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from flowstone.testing.capture import capture
from flowstone_health import reporting, serve
from flowstone_health.plugin import HealthPlugin
from flowstone_health.server import Server
from tests.otel.receivers import until
from tests.servers import postgres
from tests.servers.ports import free_port


@pytest.fixture(scope="module")
def database() -> Iterator[postgres.Server]:
    """A PostgreSQL server of this module's tests."""
    with postgres.running() as server:
        yield server


@pytest.fixture
def server(database: postgres.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Health on a port of its own, with that database to look at."""
    monkeypatch.setenv("FLOWSTONE_HOME", str(tmp_path))
    monkeypatch.setenv("FLOWSTONE_HEALTH_DATABASE_URL", database.url())
    monkeypatch.setenv("FLOWSTONE_HEALTH_INTERVAL", "0.2")
    reporting.forget()
    with capture(HealthPlugin()), serve(free_port()) as made:
        yield made
    reporting.forget()


def _get(server: Server, path: str = "/health") -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{server.port}{path}", trust_env=False)


def test_health_returns_200_when_all_is_well(server: Server) -> None:
    """GET /health answers 200 as JSON, with status, database, job_queue and timestamp."""
    # The plugins around look at the machine as well, and may be degraded while it is busy.
    assert until(lambda: _get(server).json().get("status") == "healthy"), _get(server).text
    answer = _get(server)
    told = answer.json()
    assert 200 == answer.status_code
    assert answer.headers["content-type"].endswith("json")
    assert ("healthy", "healthy", "healthy") == (told["status"], told["database"], told["job_queue"])
    assert datetime.fromisoformat(told["timestamp"]).tzinfo is not None


def test_health_returns_503_while_the_database_is_down(server: Server, database: postgres.Server) -> None:
    """GET /health answers 503 and unhealthy while the database is stopped, and 200 when it is back."""
    assert until(lambda: _get(server).status_code == 200)
    database.stop()
    try:
        told = until(lambda: (answer := _get(server)).status_code == 503 and answer.json())
        assert told, _get(server).text
        assert ("unhealthy", "unhealthy", "healthy") == (
            told["status"],
            told["database"],
            told["job_queue"],
        ), told
        assert 200 == _get(server, "/livez").status_code
    finally:
        database.start()
    assert until(lambda: _get(server).status_code == 200)
