"""The plugin ``health``: checks, the command, and what the pipeline tells of its resources."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from flowstone.plugin import Event, HealthCheck, hookimpl, measure
from flowstone_health import measures, reporting
from flowstone_health.checks.own import own_checks
from flowstone_health.checks.quarantine import Quarantine
from flowstone_health.checks.telemetry import Exporting
from flowstone_health.events import HealthChanged

if TYPE_CHECKING:
    import click


class HealthPlugin:
    """Leads the hooks to health reporting, which begins only when somebody asks for health."""

    def __init__(self) -> None:
        for one in measures.MEASURES:
            measure(one)
        self._quarantine = Quarantine()
        self._exporting = Exporting()  # from here on it knows what is new

    @hookimpl
    def provide_events(self) -> Iterable[type[Event]]:
        """Return the event of changes."""
        return [HealthChanged]

    @hookimpl
    def on_events(self, batch: Sequence[Event]) -> None:
        """Take in what is told of resources and plugins."""
        reporting.resources().feed(batch)
        self._quarantine.feed(batch)

    @hookimpl
    def shutdown(self, timeout: float) -> bool:
        """Look no more; whoever asks afterwards begins anew."""
        reporting.stop()
        return True

    @hookimpl
    def provide_health_checks(self) -> Iterable[HealthCheck]:
        """Return the checks of flowstone itself."""
        return own_checks(self._quarantine, self._exporting)

    @hookimpl
    def provide_commands(self) -> Iterable[click.Command]:
        """Return ``flowstone health``."""
        from flowstone_health.command import health

        return [health]

    @hookimpl
    def check_settings(self) -> Iterable[str]:
        """Read the settings; what is wrong with one is told as it is read."""
        from flowstone_health import config

        config.load()
        return ()
