"""One look of a check: what it found, how long it took, and nothing that may not be shown."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic, time
from typing import Final

from flowstone.plugin import HealthCheck, HealthResult
from flowstone_health.damping import RANK, Word
from flowstone_health.scrubbing import scrub

_OBSERVED: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one look found.

    Attributes:
        status: The raw status.
        message: What is the matter; scrubbed.
        observed: What was measured: value and unit by name.
        ended: When it ended (``time.monotonic``).
        time: When it ended (Unix seconds).
        took: Seconds it took.
    """

    status: Word
    message: str = ""
    observed: Mapping[str, tuple[float, str]] = field(default_factory=dict)
    ended: float
    time: float
    took: float = 0.0


def look_at(check: HealthCheck) -> Look:
    """Look, and return what was found; whatever the check does, it is an answer."""
    began = monotonic()
    try:
        found = _valid(check.answer())
    except BaseException as error:  # noqa: BLE001  # the fault wall of checks: what it raises means unhealthy
        # Only the type: texts of errors hold addresses, and now and then passwords.
        found = HealthResult(status="unhealthy", message=f"the check raised {type(error).__name__}")
    return made(found.status, found.message, found.observed, took=monotonic() - began)


def made(
    status: Word,
    message: str = "",
    observed: Mapping[str, tuple[float, str]] | None = None,
    took: float = 0.0,
) -> Look:
    """Return a look that ended now."""
    return Look(
        status=status,
        message=scrub(message) if message else "",
        observed=observed or {},
        ended=monotonic(),
        time=time(),
        took=took,
    )


def _valid(found: HealthResult) -> HealthResult:
    """Return *found* with nothing in it but what its types promise.

    Raises:
        ValueError: Its status is none.
    """
    if found.status not in RANK:
        raise ValueError("a status has to be healthy, degraded, unhealthy or unknown")
    observed: dict[str, tuple[float, str]] = {}
    for name, (value, unit) in list(found.observed.items())[:_OBSERVED]:
        number = float(value)
        if math.isfinite(number):
            observed[scrub(str(name))[:64]] = (number, scrub(str(unit))[:32])
    return HealthResult(status=found.status, message=str(found.message), observed=observed)
