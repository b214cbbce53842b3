"""Following a log's file: a thread that waits at its doorbell and reads on."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from time import monotonic, sleep
from typing import Final

from flowstone.plugin import count
from flowstone_pubsub.doorbell import Bell
from flowstone_pubsub.engines.base import Deliver, EngineDown, Item
from flowstone_pubsub.engines.sqlite_handle import Handle
from flowstone_pubsub.engines.sqlite_reading import bounds_of, items_behind
from flowstone_pubsub.message import Gap

_PAGE: Final = 512
_LOOK_S: Final = 0.1
_LOOK_WITHOUT_BELL_S: Final = 0.01
_BRISK_S: Final = 0.001
_NAP_S: Final = 0.0002
_READ_WAIT_S: Final = 1.0
_AGAIN_S: Final = 0.05
_AGAIN_MOST_S: Final = 1.0


class SqliteFollower:
    """Reads the log in a thread of its own."""

    def __init__(self, path: Path, after: int, deliver: Deliver) -> None:
        self._handle = Handle(path)
        self._head = after
        self._deliver = deliver
        self._origin = b""
        self._closing = threading.Event()
        self._woken = 0.0
        self._bell = _bell_at(path)
        self._thread = threading.Thread(target=self._work, name="flowstone-pubsub-sqlite", daemon=True)
        self._thread.start()

    @property
    def head(self) -> int:
        """The last seq that was delivered."""
        return self._head

    def close(self) -> None:
        """Deliver nothing more."""
        if not self._closing.is_set():
            self._closing.set()
            if self._bell is not None:
                self._bell.wake()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _work(self) -> None:
        again = _AGAIN_S
        try:
            while not self._closing.is_set():
                try:
                    more = self._look()
                    again = _AGAIN_S
                except EngineDown:
                    count("pubsub.reconnects")
                    self._closing.wait(again)
                    again = min(again * 2, _AGAIN_MOST_S)
                    continue
                if not more:
                    self._wait()
        finally:
            self._handle.close()
            if self._bell is not None:
                self._bell.close()

    def _look(self) -> bool:
        """Deliver a page; tell whether there may be more."""
        items: Sequence[Item] = self._handle.use(
            lambda connection: items_behind(connection, self._head, _PAGE), _READ_WAIT_S
        )
        if self._handle.origin != self._origin:
            if self._origin:  # another log: its numbers have nothing to do with those before
                oldest = self._handle.use(bounds_of, _READ_WAIT_S)[0]
                items = [Gap(self._head + 1, max(oldest - 1, 0), "engine")]
            self._origin = self._handle.origin
        if items and not self._closing.is_set():
            self._hand_over(items)
        return len(items) > 1

    def _hand_over(self, items: Sequence[Item]) -> None:
        last = items[-1]
        self._head = last.last if isinstance(last, Gap) else last.seq
        self._deliver(items)

    def _wait(self) -> None:
        if self._bell is None:
            self._closing.wait(_LOOK_WITHOUT_BELL_S)
            return
        self._bell.wait(_LOOK_S)
        now = monotonic()
        if now - self._woken < _BRISK_S:
            # Records come one after the other: one look for some of them, and their writer, who has nobody to
            # wake meanwhile, pays a quarter for ringing.
            sleep(_NAP_S)
        self._woken = now


def _bell_at(path: Path) -> Bell | None:
    try:
        return Bell(path)
    except OSError:
        count("pubsub.bell.missing")
        return None
