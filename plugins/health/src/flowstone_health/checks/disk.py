"""Room on the disk where flowstone keeps its files."""

from __future__ import annotations

import shutil

from flowstone.plugin import HealthResult, home
from flowstone_health import config


def look() -> HealthResult:
    """Tell whether there is room where ``FLOWSTONE_HOME`` lies.

    Raises:
        OSError: There is no such folder, and none can be made.
    """
    free = shutil.disk_usage(home()).free
    least = config.load().disk_min
    observed = {"free": (float(free), "By")}
    if free >= least:
        return HealthResult(observed=observed)
    message = f"{free / 2**20:.0f} MiB are free where FLOWSTONE_HOME lies; make room"
    return HealthResult(
        status="unhealthy" if free < least / 10 else "degraded", message=message, observed=observed
    )
