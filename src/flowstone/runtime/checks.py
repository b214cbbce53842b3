"""What a plugin's health check is: a function, and how its answer is to be taken."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from flowstone.catalogue.values import RESOURCE_STATUSES, ResourceStatus

Probe = Literal["live", "ready", "startup"]

_PROBES: Final = get_args(Probe)
_COLLECTIONS: Final = (frozenset, set, tuple, list)
_LONGEST_S: Final = 1e9  # three decades; beyond, moments cannot be reckoned with


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

    def malformed(self) -> str:
        """Return which fields are not what they have to be, and why; empty where all are well.

        What is malformed is not looked at: it counts as unhealthy, with this text.
        """
        return "; ".join(f"{name} {why}" for name, why in self._faults() if why)

    def _faults(self) -> Iterator[tuple[str, str]]:
        yield "name", _of_type(self.name, str, "a text")
        yield "look", _of_look(self.look)
        yield "component", _of_type(self.component, str, "a text")
        yield "required", _of_type(self.required, bool, "True or False")
        yield "timeout", _of_seconds(self.timeout)
        yield "interval", _of_seconds(self.interval)
        yield "fall", _of_number(self.fall)
        yield "rise", _of_number(self.rise)
        yield "applies_to", _of_probes(self.applies_to)

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
        if inspect.iscoroutine(found):
            found.close()  # or Python complains that nobody awaited it
        if found not in RESOURCE_STATUSES:
            raise ValueError(
                f"the health check {self.name!r} answered {found!r}; it has to be one of {', '.join(RESOURCE_STATUSES)}"
            )
        return HealthResult(status=found)


def _of_type(value: object, type_: type, wanted: str) -> str:
    return "" if isinstance(value, type_) else f"has to be {wanted}, not {_kind(value)}"


def _of_look(look: object) -> str:
    if not callable(look):
        return f"has to be a function, not {_kind(look)}"
    if any(inspect.iscoroutinefunction(one) for one in (look, getattr(look, "__call__", None))):  # noqa: B004
        return "is a coroutine function; it has to be a plain one, for it runs in a thread of its own"
    return ""


def _of_seconds(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"has to be a number of seconds, not {_kind(value)}"
    return "" if 0 < value < _LONGEST_S else "has to be above 0 and finite"


def _of_number(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int):
        return f"has to be a whole number, not {_kind(value)}"
    return "" if value > 0 else "has to be above 0"


def _of_probes(value: object) -> str:
    if not isinstance(value, _COLLECTIONS):
        return f"has to be a set of probes, not {_kind(value)}"
    known = all(isinstance(one, str) and one in _PROBES for one in value)
    return "" if known else f"may hold {', '.join(_PROBES)} and nothing else"


def _kind(value: object) -> str:
    return "None" if value is None else type(value).__name__
