"""Resources and sensors: what is told in one call."""

from __future__ import annotations

from datetime import timedelta

from flowstone.catalogue.resource import ResourceHealthCheck
from flowstone.catalogue.sensor import SensorPoll, SensorTrigger
from flowstone.catalogue.values import Attributes, ResourceStatus, SensorResult
from flowstone.runtime import emission
from flowstone.runtime.stats import count

Seconds = float | timedelta


def _nanoseconds(given: Seconds | None) -> int | None:
    if given is None:
        return None
    try:
        seconds = given.total_seconds() if isinstance(given, timedelta) else float(given)
        return max(int(seconds * 1e9), 0)
    except (TypeError, ValueError, OverflowError):  # no number, infinite or none at all
        count("value.coerced")
        return None


def _word(healthy: bool | None, error: BaseException | None) -> ResourceStatus:
    if healthy is None:
        return "unknown" if error is None else "unhealthy"
    try:
        return "healthy" if healthy else "unhealthy"
    except (TypeError, ValueError):  # of what has no truth, such as an array
        count("value.coerced")
        return "unknown"


def resource_health(
    resource: str,
    *,
    healthy: bool | None = None,
    status: ResourceStatus | None = None,
    duration: Seconds | None = None,
    error: BaseException | None = None,
    attributes: Attributes | None = None,
) -> None:
    """Tell how a resource is; never raises.

    Args:
        resource: The resource's name.
        healthy: True or False; or give *status*.
        status: ``healthy``, ``degraded``, ``unhealthy`` or ``unknown``.
        duration: Seconds the check took, or a timedelta.
        error: Why it is not healthy.
        attributes: Added to span and event.
    """
    emission.emit(
        ResourceHealthCheck,
        {
            "resource": resource,
            "status": status or _word(healthy, error),
            "duration": _nanoseconds(duration),
            "error": error,
            "attributes": attributes or {},
        },
    )


def sensor_poll(
    sensor: str,
    *,
    result: SensorResult = "skipped",
    duration: Seconds | None = None,
    error: BaseException | None = None,
    attributes: Attributes | None = None,
) -> None:
    """Tell that a sensor polled; never raises.

    Args:
        sensor: The sensor's name.
        result: ``triggered``, ``skipped`` or ``error``.
        duration: Seconds the poll took, or a timedelta.
        error: What the poll raised.
        attributes: Added to span and event.
    """
    emission.emit(
        SensorPoll,
        {
            "sensor": sensor,
            "result": "error" if error is not None else result,
            "duration": _nanoseconds(duration),
            "error": error,
            "attributes": attributes or {},
        },
    )


def sensor_trigger(sensor: str, *, run_id: str = "", attributes: Attributes | None = None) -> None:
    """Tell that a sensor triggered a run; never raises.

    Args:
        sensor: The sensor's name.
        run_id: The triggered run's id.
        attributes: Added to span and event.
    """
    emission.emit(SensorTrigger, {"sensor": sensor, "run_id": run_id, "attributes": attributes or {}})
