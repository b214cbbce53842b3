"""Health of a Dagster instance: its storage, its run queue, its daemons."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Final

from flowstone.plugin import HealthCheck, HealthResult

if TYPE_CHECKING:
    from dagster import DagsterInstance

_LATE_S: Final = 180.0  # daemons beat every 30 s; Dagster itself calls them dead after half an hour
_OLD_S: Final = 900.0  # a run that waits longer than this is worth a look, whatever limits hold it

_opening = threading.Lock()
_opened: list[tuple[int, str, DagsterInstance]] = []  # by process and DAGSTER_HOME


def checks() -> list[HealthCheck]:
    """Return the checks of the instance that ``DAGSTER_HOME`` names; none where it is not set."""
    if not os.environ.get("DAGSTER_HOME"):
        return []
    return [
        HealthCheck(name="dagster_storage", look=storage, component="database", timeout=10.0),
        HealthCheck(name="dagster_daemons", look=daemons, component="job_queue", timeout=10.0, interval=15.0),
        HealthCheck(name="dagster_queue", look=queue, component="job_queue", required=False, timeout=10.0),
    ]


def storage() -> HealthResult:
    """Tell whether runs, events and schedules can be read."""
    instance = _instance()
    instance.get_run_records(limit=1)
    instance.event_log_storage.get_maximum_record_id()
    instance.all_instigator_state()
    return HealthResult()


def queue() -> HealthResult:
    """Tell how many runs wait, and for how long the oldest has."""
    from dagster import DagsterRunStatus, RunsFilter

    instance, waiting = _instance(), RunsFilter(statuses=[DagsterRunStatus.QUEUED])
    depth = instance.get_runs_count(waiting)
    oldest = instance.get_run_records(waiting, limit=1, order_by="create_timestamp", ascending=True)
    age = max(0.0, time.time() - oldest[0].create_timestamp.timestamp()) if oldest else 0.0
    observed = {"depth": (float(depth), "{run}"), "oldest_age": (round(age, 1), "s")}
    if age < _OLD_S:
        return HealthResult(observed=observed)
    message = f"{depth} runs wait, the oldest for {age / 60:.0f} min: does the daemon dequeue, and do limits allow it?"
    return HealthResult(status="degraded", message=message, observed=observed)


def daemons() -> HealthResult:
    """Tell whether the daemons that this instance needs still beat; one that never ran is not in use."""
    from dagster._daemon.controller import get_daemon_statuses

    instance = _instance()
    found = get_daemon_statuses(instance, instance.get_required_daemon_types(), ignore_errors=True)
    seen = {name: one for name, one in found.items() if one.last_heartbeat is not None}
    if not seen:
        return HealthResult(message="no daemon has run on this instance")
    now = time.time()
    oldest = max(now - one.last_heartbeat.timestamp for one in seen.values() if one.last_heartbeat)
    observed = {"oldest_heartbeat": (round(oldest, 1), "s")}
    silent = sorted(name.lower() for name, one in seen.items() if one.healthy is False)
    if silent:
        message = f"no heartbeat of {', '.join(silent)}: is dagster-daemon running?"
        return HealthResult(status="unhealthy", message=message, observed=observed)
    if oldest > _LATE_S:
        message = f"the last heartbeat of a daemon is {oldest:.0f} s old: is dagster-daemon running?"
        return HealthResult(status="degraded", message=message, observed=observed)
    return HealthResult(observed=observed)


def _instance() -> DagsterInstance:
    """Return the instance, opened once for each process and ``DAGSTER_HOME``."""
    from dagster import DagsterInstance

    key = (os.getpid(), os.environ.get("DAGSTER_HOME", ""))
    with _opening:  # the first look makes the tables of a new instance, and only one may
        for pid, home, instance in _opened:
            if (pid, home) == key:
                return instance
        _opened[:] = [(*key, DagsterInstance.get())]
        return _opened[0][2]


def _reborn() -> None:
    global _opening
    _opening = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reborn)
