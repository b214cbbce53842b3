"""The event of health reporting."""

from __future__ import annotations

from flowstone.plugin import Event, event


@event(subject="health")
class HealthChanged(Event):
    """A health check has another status than before.

    When: the damped status of a check changes, and when its first look finds it less than healthy.
    Guarantees: one for each change; the message holds no secret.
    Not emitted: for single looks that the damping swallows.

    Attributes:
        check: The check's name.
        before: Its status until now; ``unknown`` before the first look.
        after: Its status from now on.
        message: What is the matter.
    """

    check: str
    before: str = "unknown"
    after: str = "unknown"
    message: str = ""
