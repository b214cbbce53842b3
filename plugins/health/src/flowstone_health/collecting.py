"""Which checks there are: those of the plugins, and those that settings ask for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from flowstone.plugin import HealthCheck, HealthResult, count, provided
from flowstone_health import config
from flowstone_health.checks import database

MOST: Final = 200
_NAME: Final = re.compile(r"[a-z0-9]+(?:[_-][a-z0-9]+)*")
_OTHER: Final = re.compile(r"[^a-z0-9]+")


def collect() -> list[HealthCheck]:
    """Return the checks of all plugins and of ``FLOWSTONE_HEALTH_DATABASE_URL``, each under a name of its own."""
    settings = config.load()
    found: list[object] = provided("provide_health_checks")
    if settings.database_url:
        found = [database.check(settings.database_url), *found]
    return named(found)


def named(found: Iterable[object]) -> list[HealthCheck]:
    """Return the health checks among *found*, bounded in number, their names well-formed and unique.

    What is no health check is counted and left out; one that is malformed is unhealthy, and says why.
    """
    checks: dict[str, HealthCheck] = {}
    for one in found:
        if not isinstance(one, HealthCheck) or len(checks) >= MOST:
            count("health.check.left_out")
            continue
        name = _well_formed(one.name)
        ordinal = 2
        while name in checks:
            name = f"{_well_formed(one.name)}_{ordinal}"
            ordinal += 1
        if fault := one.malformed():
            checks[name] = stand_in(one, name, fault)
        else:
            checks[name] = one if name == one.name else replace(one, name=name)
    return list(checks.values())


def stand_in(check: HealthCheck, name: str, fault: str) -> HealthCheck:
    """Return what stands for a malformed check: it never looks, and is unhealthy.

    It is part of readiness only, for no restart mends it.
    """
    count("health.check.malformed")
    found = HealthResult(status="unhealthy", message=f"malformed: {fault}")
    return HealthCheck(
        name=name,
        look=lambda: found,
        component=check.component if isinstance(check.component, str) else "",
        required=check.required is not False,
    )


def _well_formed(name: object) -> str:
    text = name if isinstance(name, str) else ""
    if len(text) <= 64 and _NAME.fullmatch(text):
        return text
    return _OTHER.sub("_", text.lower()).strip("_")[:64] or "check"
