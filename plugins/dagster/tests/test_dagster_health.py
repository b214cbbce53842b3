"""Health of a real Dagster instance."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance, DagsterRunStatus
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.test_utils import create_run_for_test
from dagster._daemon.types import DaemonHeartbeat

from flowstone_dagster import health


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DagsterInstance]:
    """An instance of one's own, named by DAGSTER_HOME."""
    (tmp_path / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    health._opened.clear()
    with DagsterInstance.get() as made:
        yield made
    for *_, opened in health._opened:
        opened.dispose()
    health._opened.clear()


def _queue(instance: DagsterInstance) -> None:
    location = RegisteredCodeLocationOrigin("here")
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(location, "repository"), "j")
    create_run_for_test(instance, job_name="j", status=DagsterRunStatus.QUEUED, remote_job_origin=origin)


def _beat(instance: DagsterInstance, age: float) -> None:
    for kind in instance.get_required_daemon_types():
        instance.add_daemon_heartbeat(DaemonHeartbeat(time.time() - age, kind, "d1", errors=[]))


def test_without_an_instance_there_are_no_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where DAGSTER_HOME is not set, nothing is looked at."""
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    assert [] == health.checks()


def test_a_new_instance_is_healthy(instance: DagsterInstance) -> None:
    """Storage answers, no run waits, and a daemon that never ran is not missed."""
    found = {check.name: check.answer() for check in health.checks()}
    assert {"dagster_storage", "dagster_daemons", "dagster_queue"} == found.keys()
    assert ["healthy"] * 3 == [one.status for one in found.values()]
    assert {"database", "job_queue"} == {check.component for check in health.checks()}


def test_runs_that_wait_are_counted(instance: DagsterInstance) -> None:
    """The queue tells its depth and the age of its oldest run, and is degraded when that waits too long."""
    _queue(instance)
    create_run_for_test(instance, job_name="j", status=DagsterRunStatus.SUCCESS)
    found = health.queue()
    assert ("healthy", 1.0) == (found.status, found.observed["depth"][0])
    assert 0 <= found.observed["oldest_age"][0] < 60


def test_an_old_queue_is_degraded(instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that waits for longer than a quarter of an hour degrades the queue."""
    _queue(instance)
    later = time.time() + 1000
    monkeypatch.setattr(time, "time", lambda: later)
    assert "degraded" == health.queue().status


@pytest.mark.parametrize(("age", "expected"), [(5, "healthy"), (400, "degraded"), (4000, "unhealthy")])
def test_silent_daemons_are_told(instance: DagsterInstance, age: float, expected: str) -> None:
    """Daemons that beat are healthy; late ones degrade, dead ones are unhealthy."""
    _beat(instance, age)
    assert expected == health.daemons().status
