"""The plugin that hands every batch to a test."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flowstone.plugin import Event, hookimpl


class Keeper:
    """Passes batches on.

    Args:
        keep: Called with each batch, in the drain.
    """

    def __init__(self, keep: Callable[[Sequence[Event]], None]) -> None:
        self._keep = keep

    @hookimpl
    def on_events(self, batch: Sequence[Event]) -> None:
        """Pass the batch on."""
        self._keep(batch)
