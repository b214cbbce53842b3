"""Plugins that flowstone no longer calls in this process."""

from __future__ import annotations

from collections.abc import Iterable

from flowstone.plugin import Event, HealthResult, PluginQuarantined


class Quarantine:
    """Remembers who was put in quarantine."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def feed(self, batch: Iterable[Event]) -> None:
        """Take in what *batch* tells of it."""
        self._names.update(event.plugin for event in batch if isinstance(event, PluginQuarantined))

    def look(self) -> HealthResult:
        """Tell whether all plugins work."""
        names = sorted(self._names)
        if not names:
            return HealthResult()
        message = f"in quarantine, and without effect in this process: {', '.join(names)}"
        return HealthResult(
            status="degraded", message=message, observed={"quarantined": (float(len(names)), "{plugin}")}
        )
