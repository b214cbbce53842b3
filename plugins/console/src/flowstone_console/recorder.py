"""The store as the plugin sees it: made with the first batch, or off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from flowstone.plugin import Event, count
from flowstone_console import config

if TYPE_CHECKING:
    from flowstone_console.writer import Writer


class Recorder:
    """Records batches; reads its settings, and imports SQLite, when the first one comes."""

    def __init__(self) -> None:
        self._writer: Writer | None = None
        self._off = False

    def record(self, batch: Sequence[Event]) -> None:
        """Gather *batch*, to be written by ``settle``.

        Raises:
            OSError: The folder of the store cannot be made; told once, then the store is off.
        """
        writer = self._writer
        if writer is None and not self._off:
            self._off = True
            writer = self._writer = self._open()
        if writer is not None:
            writer.gather(batch)
        elif not self._switched_off:
            count("store.dropped", len(batch))

    def settle(self) -> None:
        """Write what was gathered, in one transaction."""
        if self._writer is not None:
            self._writer.settle()

    def flush(self, timeout: float) -> bool:
        """Write what is pending; tell whether nothing is left."""
        return self._writer is None or self._writer.flush(timeout)

    def close(self, timeout: float) -> bool:
        """Write what is pending and close."""
        return self._writer is None or self._writer.close(timeout)

    _switched_off = False

    def _open(self) -> Writer | None:
        settings = config.load()
        if settings.path is None:
            self._switched_off = True
            return None
        from flowstone_console.store import Store
        from flowstone_console.writer import Writer

        return Writer(Store(settings.path), settings)
