"""The way of events into the store: each batch committed at once, what cannot be written kept for a while."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections import deque
from collections.abc import Sequence
from time import monotonic, sleep
from typing import Final

from flowstone.plugin import Event, count
from flowstone_console import leftovers
from flowstone_console.chores import Chores
from flowstone_console.config import Config
from flowstone_console.inserting import insert
from flowstone_console.rows import Rows, rows_of
from flowstone_console.schema import StoreError
from flowstone_console.store import ForkingError, Store, StoreUnavailableError

_ENOUGH: Final = 1024
_WAIT: Final = 0.3
_WAIT_AFTER_FAILURE: Final = 0.05
_AT_ONCE: Final = 0.1  # of a flush, which tries again
_PAUSE: Final = 0.01
_MAX_PENDING: Final = 4096


class Writer:
    """Writes batches; called by the drain thread, and by another one for flush."""

    def __init__(self, store: Store, config: Config) -> None:
        self._store = store
        self._chores = Chores(store, config)
        self._begin()
        store.after_fork = self._catch_up

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._pending: deque[Rows] = deque()
        self._held = 0
        self._fresh = 0
        self._failing = False

    def write(self, batch: Sequence[Event]) -> None:
        """Write *batch* and whatever earlier ones left; waits at most 0.3 s for other processes."""
        self.gather(batch)
        self.settle()

    def gather(self, batch: Sequence[Event]) -> None:
        """Make rows of *batch*, to be written by ``settle``; at once where there are many."""
        if self._pid != os.getpid():
            self._begin()  # what was pending is the parent's, who writes it; the lock may be held for ever
        rows = rows_of(batch)
        with self._lock:
            self._pending.append(rows)
            self._held += rows.count
            self._fresh += rows.size
            enough = self._held >= _ENOUGH and not self._failing
            while self._held > _MAX_PENDING and len(self._pending) > 1:
                self._drop_oldest()
        if enough:
            self.settle()

    def settle(self) -> None:
        """Write what is pending; waits at most 0.3 s for other processes."""
        if self._pid != os.getpid() or not self._pending:
            return
        with self._lock:
            written = self._deliver(_WAIT_AFTER_FAILURE if self._failing else _WAIT)
            fresh, self._fresh = self._fresh, 0
        if written:
            self._chores.after_write(fresh)

    def flush(self, timeout: float) -> bool:
        """Write what is pending within *timeout* seconds; tell whether nothing is left."""
        if self._pid != os.getpid():
            return True
        deadline = monotonic() + timeout
        while self._lock.acquire(timeout=max(0.0, deadline - monotonic())):
            try:
                if not self._pending or self._deliver(min(deadline - monotonic(), _AT_ONCE)):
                    return True
            finally:
                self._lock.release()
            if monotonic() + _PAUSE > deadline:
                return False
            sleep(_PAUSE)  # the drain, which must not take us for hung, has its turn
        return False

    def close(self, timeout: float) -> bool:
        """Write what is pending, leave what cannot be to the next process, and close."""
        done = self.flush(timeout - _AT_ONCE)
        if self._pid == os.getpid():
            if self._pending:
                self._leave()
            self._store.close()
        return done

    def _leave(self) -> None:
        try:
            leftovers.leave(self._store.path, self._pending)
            count("store.left")
        except OSError:
            while self._pending:
                self._drop_oldest()
        self._pending.clear()
        self._held = 0

    def _deliver(self, wait: float) -> bool:
        pending = tuple(self._pending)

        def work(connection: sqlite3.Connection) -> None:
            insert(connection, pending)

        try:
            self._store.transact(work, wait)
        except ForkingError:
            return False
        except (StoreError, StoreUnavailableError):
            while self._pending:  # waiting would not help
                self._drop_oldest()
            return False
        except (sqlite3.Error, OSError):
            self._failing = True
            count("store.failed")
            return False
        self._failing = False
        self._pending.clear()
        self._held = 0
        return True

    def _catch_up(self) -> None:
        """Deliver what a fork kept back; whoever holds the lock is about to do that anyway."""
        if self._pending and self._lock.acquire(blocking=False):
            try:
                self._deliver(0.0)
            finally:
                self._lock.release()

    def _drop_oldest(self) -> None:
        rows = self._pending.popleft()
        self._held -= rows.count
        count("store.dropped", rows.count)
