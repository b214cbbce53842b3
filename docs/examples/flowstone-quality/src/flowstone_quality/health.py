"""The health check that this plugin adds."""

from __future__ import annotations

from flowstone.plugin import HealthCheck, HealthResult
from flowstone_quality.judge import Judge


def quality_check(judge: Judge) -> HealthCheck:
    """Return a check that is unhealthy while the last check of any asset failed."""

    def look() -> HealthResult:
        failing = sorted(judge.failing)
        if not failing:
            return HealthResult(status="healthy")
        return HealthResult(status="unhealthy", message=f"assets below their minimum: {', '.join(failing)}")

    return HealthCheck(name="quality", look=look, required=False)
