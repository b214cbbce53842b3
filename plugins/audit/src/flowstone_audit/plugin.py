"""The plugin ``audit``: every event that the policy names becomes a row, and what is asked for explicitly."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from flowstone.plugin import Event, HealthCheck, hookimpl, measure
from flowstone_audit import depth, events
from flowstone_audit.switch import Switch

if TYPE_CHECKING:
    import click


class AuditPlugin:
    """Leads the hooks to the recorder of the process."""

    def __init__(self) -> None:
        for one in depth.MEASURES:
            measure(one)
        self._switch = Switch()

    @hookimpl
    def provide_events(self) -> Iterable[type[Event]]:
        """Return the audit log's own events."""
        return [events.AuditLogged, events.AuditSealed, events.AuditGap, events.AuditTampered]

    @hookimpl
    def on_events(self, batch: Sequence[Event]) -> None:
        """Gather what is audited."""
        self._switch.gather(batch)

    @hookimpl
    def settle(self) -> None:
        """Append what was gathered to the spool."""
        self._switch.settle()

    @hookimpl
    def must_keep(self, name: str) -> bool:
        """Tell whether the policy makes the event durable, and whoever waits for it is to be told."""
        return self._switch.must_keep(name)

    @hookimpl
    def flush(self, timeout: float) -> bool:
        """Bring what waits into the database where that is open; in the spool it is safe anyway."""
        from flowstone_audit import flushing

        return flushing.flush(timeout)

    @hookimpl
    def shutdown(self, timeout: float) -> bool:
        """Do the same, and let go of files and connections."""
        from flowstone_audit import flushing

        return flushing.shutdown(timeout)

    @hookimpl
    def provide_commands(self) -> Iterable[click.Command]:
        """Return ``flowstone audit``."""
        from flowstone_audit.cli.group import audit

        return [audit]

    @hookimpl
    def provide_health_checks(self) -> Iterable[HealthCheck]:
        """Return the checks of spool and database."""
        from flowstone_audit import health

        return health.CHECKS

    @hookimpl
    def check_settings(self) -> Iterable[str]:
        """Read the settings, and return what is wrong with them."""
        from flowstone_audit import config

        try:
            config.load()
        except (ValueError, OSError) as error:
            return [str(error)]
        return ()
