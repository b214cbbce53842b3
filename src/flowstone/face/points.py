"""Resources and sensors: what is told in one call."""

from __future__ import annotations

from flowstone.catalogue.resource import ResourceHealthCheck
from flowstone.catalogue.sensor import SensorPoll, SensorTrigger
from flowstone.catalogue.values import Attributes, ResourceStatus, SensorResult
from flowstone.runtime import emission


def resource_health(
    resource: str,
    *,
    healthy: bool | None = None,
    status: ResourceStatus | None = None,
    duration: float | None = None,
    error: BaseException | None = None,
    attributes: Attributes | None = None,
) -> None:
    """Tell how a resource is; never raises.

    Args:
        resource: The resource's name.
        healthy: True or False; or give *status*.
        status: ``healthy``, ``degraded``, ``unhealthy`` or ``unknown``.
        duration: Seconds the check took.
        error: Why it is not healthy.
        attributes: Added to span and event.
    """
    known = {None: "unknown" if error is None else "unhealthy", True: "healthy", False: "unhealthy"}
    emission.emit(
        ResourceHealthCheck,
        {
            "resource": resource,
            "status": status or known[healthy],
            "duration": None if duration is None else int(duration * 1e9),
            "error": error,
            "attributes": attributes or {},
        },
    )


def sensor_poll(
    sensor: str,
    *,
    result: SensorResult = "skipped",
    duration: float | None = None,
    error: BaseException | None = None,
    attributes: Attributes | None = None,
) -> None:
    """Tell that a sensor polled; never raises.

    Args:
        sensor: The sensor's name.
        result: ``triggered``, ``skipped`` or ``error``.
        duration: Seconds the poll took.
        error: What the poll raised.
        attributes: Added to span and event.
    """
    emission.emit(
        SensorPoll,
        {
            "sensor": sensor,
            "result": "error" if error is not None else result,
            "duration": None if duration is None else int(duration * 1e9),
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
