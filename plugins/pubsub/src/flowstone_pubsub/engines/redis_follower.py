"""Following a log in Redis: a thread that waits in XREAD, and now and then looks whether it is still that log."""

from __future__ import annotations

import threading
from time import monotonic
from typing import Final

from flowstone.plugin import count
from flowstone_pubsub.engines.base import Deliver
from flowstone_pubsub.engines.continuing import Continuing
from flowstone_pubsub.engines.redis_reading import ERRORS, Client, epoch_of, record_of, records_from, state_of
from flowstone_pubsub.engines.redis_script import Keys

_PAGE: Final = 512
_BLOCK_MS: Final = 250
_LOOK_S: Final = 1.0
_AGAIN_S: Final = 0.05
_AGAIN_MOST_S: Final = 2.0


class RedisFollower:
    """Reads the stream over a connection and in a thread of its own."""

    def __init__(self, client: Client, keys: Keys, after: int, deliver: Deliver) -> None:
        self._client = client
        self._keys = keys
        self._log = Continuing(after, deliver)
        self._epoch = ""
        self._looked = 0.0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="flowstone-pubsub-redis", daemon=True)
        self._thread.start()

    @property
    def head(self) -> int:
        """The last seq that was delivered."""
        return self._log.head

    def close(self) -> None:
        """Deliver nothing more; takes a quarter of a second, or what the server needs to answer."""
        self._closing.set()
        self._log.close()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _work(self) -> None:
        again = _AGAIN_S
        while not self._closing.is_set():
            try:
                if not self._looked:
                    self._resume()
                self._read_on()
                again = _AGAIN_S
            except ERRORS:
                self._looked = 0.0
                count("pubsub.reconnects")
                self._closing.wait(again)
                again = min(again * 2, _AGAIN_MOST_S)
        self._client.close()

    def _resume(self) -> None:
        """Look which log this is, and whether the record that was delivered last is in it."""
        while not self._closing.is_set():
            state = state_of(self._client, self._keys)
            self._log.resume(state.epoch, state.oldest, state.newest)
            self._epoch = state.epoch
            self._looked = monotonic()
            first = self._log.resume_at(state.oldest, state.newest)
            if first > self.head or self._log.take(records_from(self._client, self._keys, first, 1)):
                return

    def _read_on(self) -> None:
        told = self._client.xread({self._keys.stream: f"{self.head}-0"}, count=_PAGE, block=_BLOCK_MS)
        entries = told[0][1] if told else []
        if any(epoch_of(entry) != self._epoch for entry in entries):
            self._looked = (
                0.0  # begun anew, and already further than we were: nothing of it is taken before a look
            )
            if not self._epoch:
                self._resume()
            return
        if entries:
            self._log.take([record_of(*entry) for entry in entries])
        elif monotonic() - self._looked > _LOOK_S:
            self._looked = 0.0
