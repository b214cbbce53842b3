"""Events of sensors: what polls, and what it triggers."""

from __future__ import annotations

from flowstone.catalogue.event import Event, event
from flowstone.catalogue.values import Error, SensorResult


@event(subject="sensor")
class SensorPoll(Event):
    """A sensor looked whether there is something to do.

    When: ``flowstone.sensor_poll(...)``, or the host evaluates a sensor.
    Guarantees: one for each evaluation.
    Not emitted: for sensors that are switched off.

    Attributes:
        sensor: The sensor's name.
        result: ``triggered``, ``skipped`` or ``error``.
        duration: Nanoseconds the poll took, where measured.
        error: What the poll raised.
    """

    sensor: str
    result: SensorResult = "skipped"
    duration: int | None = None
    error: Error | None = None


@event(subject="sensor")
class SensorTrigger(Event):
    """A sensor triggered a run.

    When: ``flowstone.sensor_trigger(...)``, or the host launches a run on a sensor's request.
    Guarantees: one for each run; ``run_id`` is the triggered run's.
    Not emitted: for runs that are deduplicated away by the host.

    Attributes:
        sensor: The sensor's name.
    """

    sensor: str
