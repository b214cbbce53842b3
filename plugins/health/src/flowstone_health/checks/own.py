"""The list of the checks that this plugin owns."""

from __future__ import annotations

from flowstone.plugin import HealthCheck
from flowstone_health.checks import disk, telemetry
from flowstone_health.checks.quarantine import Quarantine


def own_checks(quarantine: Quarantine, exporting: telemetry.Exporting) -> list[HealthCheck]:
    """Return the checks of flowstone itself; none is required, for the pipeline goes on without telemetry."""
    return [
        # In the process, and without a dependency: also part of liveness, which it cannot fail.
        HealthCheck(
            name="telemetry_drain",
            look=telemetry.drain,
            required=False,
            applies_to=frozenset({"live", "ready"}),
        ),
        HealthCheck(name="telemetry_export", look=exporting.look, required=False),
        HealthCheck(name="plugins", look=quarantine.look, required=False),
        HealthCheck(name="disk", look=disk.look, required=False, interval=30.0),
    ]
