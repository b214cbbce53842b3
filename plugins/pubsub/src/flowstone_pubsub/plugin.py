"""The plugin ``pubsub``: every event reaches its topics by itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from flowstone.plugin import Event, HealthCheck, hookimpl, measure
from flowstone_pubsub import current, gathering, measures

if TYPE_CHECKING:
    import click


class PubSubPlugin:
    """Leads the hooks to the bus of the process."""

    def __init__(self) -> None:
        for one in measures.MEASURES:
            measure(one)
        self._gatherer = gathering.Gatherer()

    @hookimpl
    def on_events(self, batch: Sequence[Event]) -> None:
        """Gather a batch."""
        self._gatherer.gather(batch)

    @hookimpl
    def settle(self) -> None:
        """Leave what was gathered in the outbox."""
        self._gatherer.settle()

    @hookimpl
    def flush(self, timeout: float) -> bool:
        """Wait until what was left in the outbox is in the log."""
        self._gatherer.settle()
        found = current.peek()
        return found is None or found.flush(timeout)

    @hookimpl
    def shutdown(self, timeout: float) -> bool:
        """Do the same, end this process's subscriptions, and let go of the engine."""
        self._gatherer.settle()
        return current.close(timeout)

    @hookimpl
    def provide_health_checks(self) -> Iterable[HealthCheck]:
        """Return the check of the log and of the way there."""
        from flowstone_pubsub import health

        return health.CHECKS

    @hookimpl
    def provide_commands(self) -> Iterable[click.Command]:
        """Return ``flowstone tail``."""
        from flowstone_pubsub.cli.tail import tail

        return [tail]

    @hookimpl
    def check_settings(self) -> Iterable[str]:
        """Read the settings, and return what is wrong with them."""
        from flowstone_pubsub import config

        try:
            config.load()
        except (ValueError, OSError) as error:
            return [str(error)]
        return ()
