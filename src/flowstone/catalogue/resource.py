"""Events of resources: dependencies that assets share."""

from __future__ import annotations

from flowstone.catalogue.event import Event, event
from flowstone.catalogue.values import Error, ResourceStatus


@event(subject="resource")
class ResourceHealthCheck(Event):
    """A resource was looked at.

    When: ``flowstone.resource_health(...)``, or the host initialises a resource.
    Guarantees: one for each look, whether or not the status changed.
    Not emitted: for resources that the host never initialises.

    Attributes:
        resource: The resource's name.
        status: ``healthy``, ``degraded``, ``unhealthy`` or ``unknown``.
        duration: Nanoseconds the check took, where measured.
        error: Why it is not healthy, where known.
    """

    resource: str
    status: ResourceStatus = "unknown"
    duration: int | None = None
    error: Error | None = None
