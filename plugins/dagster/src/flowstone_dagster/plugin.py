"""The adapter as a flowstone plugin."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flowstone.plugin import Event, HealthCheck, hookimpl

if TYPE_CHECKING:
    import click


class DagsterPlugin:
    """Brings the events of asset checks, health checks, and the command ``flowstone dagster``.

    Observation itself does not depend on it: it has to be in place before the first event.
    """

    @hookimpl
    def provide_events(self) -> Iterable[type[Event]]:
        """Give the events of asset checks."""
        from flowstone_dagster.asset_check import AssetCheckException, AssetCheckStart, AssetCheckStop

        return [AssetCheckStart, AssetCheckStop, AssetCheckException]

    @hookimpl
    def provide_commands(self) -> Iterable[click.Command]:
        """Give ``flowstone dagster`` and ``flowstone demo``."""
        from flowstone_dagster.command import dagster
        from flowstone_dagster.demo.command import demo

        return [dagster, demo]

    @hookimpl
    def provide_health_checks(self) -> Iterable[HealthCheck]:
        """Give the checks of the instance: storage, daemons, run queue."""
        from flowstone_dagster.health import checks

        return checks()
