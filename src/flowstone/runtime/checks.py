"""What a plugin's health check is: a function, and how its answer is to be taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from flowstone.catalogue.values import RESOURCE_STATUSES, ResourceStatus

Probe = Literal["live", "ready", "startup"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthResult:
    """What a check found.

    Attributes:
        status: ``healthy``, ``degraded`` (worse than wanted, yet at work), ``unhealthy`` or ``unknown``.
        message: What is the matter and what to do, for those who may see details; never a secret.
        observed: What was measured, by name: value and UCUM unit.
    """

    status: ResourceStatus = "healthy"
    message: str = ""
    observed: Mapping[str, tuple[float, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    """A health check, run in the background; nobody who asks for health waits for it.

    ``HealthCheck(name="warehouse", look=lambda: HealthResult(status="healthy"))`` is a whole one.

    Attributes:
        name: Lower-case words joined by ``_``; unique, with the plugin's name in front where others may take it.
        look: Finds out. It returns a ``HealthResult``, or its status alone, or a bool for healthy or not; what
            it raises means unhealthy, and only the type of the error is shown.
        component: What is looked at: ``database``, ``job_queue``, or empty for a component of its own.
        required: Whether the whole is unhealthy with it; otherwise the whole is degraded.
        timeout: Seconds after which it counts as hung: unhealthy, and not started again before it returns.
        interval: Seconds between two looks.
        fall: How many bad answers in a row change the status for the worse.
        rise: How many good ones in a row change it for the better.
        applies_to: The probes it is part of; liveness should touch nothing outside of the process.
    """

    name: str
    look: Callable[[], HealthResult | ResourceStatus | bool]
    component: str = ""
    required: bool = True
    timeout: float = 5.0
    interval: float = 10.0
    fall: int = 1
    rise: int = 1
    applies_to: frozenset[Probe] = frozenset({"ready"})

    def answer(self) -> HealthResult:
        """Look, and return what was found as a ``HealthResult``; raises what ``look`` raises.

        Raises:
            ValueError: ``look`` returned none of what it may.
        """
        found = self.look()
        if isinstance(found, HealthResult):
            return found
        if isinstance(found, bool):
            return HealthResult(status="healthy" if found else "unhealthy")
        if found not in RESOURCE_STATUSES:
            raise ValueError(
                f"the health check {self.name!r} answered {found!r}; it has to be one of {', '.join(RESOURCE_STATUSES)}"
            )
        return HealthResult(status=found)
