"""What the store needs now and then: room, and an end for work whose process died. Bounded, after a write."""

from __future__ import annotations

import os
import time
from typing import Final

from flowstone.plugin import count
from flowstone_console import leftovers
from flowstone_console.closures import close_abandoned
from flowstone_console.config import Config
from flowstone_console.retention import prune
from flowstone_console.store import Store

_PERIOD: Final = 60.0
_QUANTUM: Final = 1 << 20


class Chores:
    """Does the chores with a process's first write, then once a minute or for every MiB written."""

    def __init__(self, store: Store, config: Config) -> None:
        self._store = store
        self._config = config
        self._quantum = min(_QUANTUM, config.max_bytes // 16)
        self._written = 0
        self._pid = 0
        self._next = 0.0

    def after_write(self, size: int) -> None:
        """Note that *size* bytes were written, and do what is due."""
        self._written += size
        now = time.monotonic()
        timely = now >= self._next or self._pid != os.getpid()
        if not timely and self._written < self._quantum:
            return
        self._written = 0
        try:
            if timely:
                self._pid = os.getpid()
                self._next = now + _PERIOD
                leftovers.take(self._store)
                close_abandoned(self._store)
            prune(self._store, self._config)
        except leftovers.TROUBLE:
            # The store is busy or full: the events come first, the chores have time until the next round.
            count("store.chores.failed")
