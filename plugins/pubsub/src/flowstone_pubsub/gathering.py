"""The way of lifecycle events onto the bus: gathered as they come, left in the outbox when the drain pauses."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

from flowstone.plugin import Event
from flowstone_pubsub import current

_ENOUGH: Final = 1024


class Gatherer:
    """Gathers batches; of one plugin."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._gathered: list[Event] = []

    def gather(self, batch: Sequence[Event]) -> None:
        """Keep *batch* for ``settle``; at once where there is much."""
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self._gathered = []  # of the parent, who sends them
        self._gathered.extend(batch)
        if len(self._gathered) >= _ENOUGH:
            self.settle()

    def settle(self) -> None:
        """Leave what was gathered in the outbox of this process."""
        if not self._gathered or self._pid != os.getpid():
            return
        gathered, self._gathered = self._gathered, []
        bus = current.bus_or_none()
        if bus is not None:
            bus.outbox.put_all(gathered)
