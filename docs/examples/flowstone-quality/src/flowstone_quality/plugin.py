"""The plugin ``quality``: all its hooks, each leading to the file that does the work."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from flowstone.plugin import Event, HealthCheck, MaterializationStop, hookimpl
from flowstone_quality.events import QualityChecked
from flowstone_quality.health import quality_check
from flowstone_quality.judge import Judge

if TYPE_CHECKING:
    import click


class QualityPlugin:
    """Found by the entry point ``quality``; made once in each process."""

    def __init__(self) -> None:
        self._judge = Judge()

    @hookimpl
    def provide_events(self) -> Iterable[type[Event]]:
        """Add ``quality.checked``."""
        return [QualityChecked]

    @hookimpl
    def on_events(self, batch: Sequence[Event]) -> None:
        """Check what was materialized."""
        for event in batch:
            if isinstance(event, MaterializationStop):
                self._judge.look_at(event)

    @hookimpl
    def provide_health_checks(self) -> Iterable[HealthCheck]:
        """Add the check ``quality``."""
        return [quality_check(self._judge)]

    @hookimpl
    def provide_commands(self) -> Iterable[click.Command]:
        """Add ``flowstone quality``."""
        from flowstone_quality.command import quality  # only the command line needs it

        return [quality]
