"""The engine for those who run Redis already: one stream whose entries are numbered ``1-0``, ``2-0``, ...

``redis://[user:password@]host[:port][/db][?prefix=flowstone]``, also ``rediss://`` and ``unix://``; other settings in
the query are redis-py's. Redis 6.2 or later, one server or a primary with replicas; whoever fails over to a replica
may lose the newest records, and followers are told so. What survives a crash of the server is what its settings say
(``appendonly yes``); what was published stays when the processes that use it end.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic
from typing import Final, TypeVar

import orjson

from flowstone_pubsub.engines import addresses
from flowstone_pubsub.engines.base import Deliver, EngineDown, Item, Outgoing, Retention
from flowstone_pubsub.engines.continuing import begin_of, page
from flowstone_pubsub.engines.redis_follower import RedisFollower
from flowstone_pubsub.engines.redis_reading import (
    ERRORS,
    Client,
    client_of,
    first_since,
    records_from,
    state_of,
)
from flowstone_pubsub.engines.redis_script import APPEND, WINDOW, keys_of

T = TypeVar("T")
_PORTION: Final = 256
_AGE_PERIOD_S: Final = 60.0


def connect(url: str, retention: Retention) -> RedisEngine:
    """Return an engine on the stream that *url* names; it is connected when first needed.

    Raises:
        ValueError: The URL is malformed.
    """
    bare, own = addresses.split(url, ())
    try:
        client = client_of(bare)
    except (ValueError, TypeError):
        raise ValueError("a log in Redis is redis://host:port/0?prefix=flowstone") from None
    return RedisEngine(bare, client, own["prefix"], retention)


class RedisEngine:
    """An engine on a stream. Repetitions of an id are told among the last 16,384 records."""

    name = "redis"
    durable = True

    def __init__(self, url: str, client: Client, prefix: str, retention: Retention) -> None:
        self._url = url
        self._client = client
        self._keys = keys_of(prefix)
        self._retention = retention
        self._append = client.register_script(APPEND)
        self._followers: list[RedisFollower] = []
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._aged = 0.0
        self._closed = False

    def publish(self, batch: Sequence[Outgoing]) -> None:
        """Append *batch*; each 256 records in one step.

        Raises:
            EngineDown: The first records of it, or none, are in the log.
        """
        for start in range(0, len(batch), _PORTION):
            words: list[object] = [self._retention.records, WINDOW, os.urandom(6).hex()]
            for one in batch[start : start + _PORTION]:
                words += (one.id, one.time, orjson.dumps(one.topics), one.data)
            self._guarded(partial(self._append, list(self._keys), words))
        if batch and monotonic() - self._aged > _AGE_PERIOD_S:
            self._guarded(self._take_the_old)
            self._aged = monotonic()

    def _take_the_old(self) -> None:
        """Take what was added before the retention."""
        state = state_of(self._client, self._keys)
        first = first_since(self._client, self._keys, state, self._client.time()[0] - self._retention.age)
        if first > state.oldest:
            self._client.xtrim(self._keys.stream, minid=f"{first}-0", approximate=False)

    def follow(self, after: int | None, deliver: Deliver) -> RedisFollower:
        """Deliver what is behind *after* and what comes, in a thread and over a connection of its own.

        Raises:
            EngineDown: With ``after=None``, where the server cannot say where the log ends.
        """
        if after is None:
            after = self.bounds()[1]
        self._check()
        follower = RedisFollower(client_of(self._url), self._keys, after, deliver)
        self._followers.append(follower)
        return follower

    def read(self, after: int, limit: int) -> Sequence[Item]:
        """Return at most *limit* items behind *after*.

        Raises:
            EngineDown: The stream cannot be read.
        """
        return self._guarded(lambda: self._read(after, limit))

    def _read(self, after: int, limit: int) -> Sequence[Item]:
        records = records_from(self._client, self._keys, after + 1, limit)
        if records and records[0].seq == after + 1:
            return page(records, after, (after + 1, records[-1].seq), limit)
        state = state_of(self._client, self._keys)
        bounds = (state.oldest, state.newest)
        if after > state.newest or state.oldest > after + 1:
            records = records_from(self._client, self._keys, begin_of(after, bounds), limit)
        return page(records, after, bounds, limit)

    def bounds(self) -> tuple[int, int]:
        """Return the oldest and the newest seq.

        Raises:
            EngineDown: The stream cannot be read.
        """
        state = self._guarded(lambda: state_of(self._client, self._keys))
        return (state.oldest, state.newest) if state.newest else (0, 0)

    def before(self, moment: int) -> int:
        """Return the seq before the first record that was added at *moment* (Unix ns) or later, by the server's clock.

        Raises:
            EngineDown: The stream cannot be read.
        """
        return self._guarded(lambda: self._before(moment // 1_000_000_000))

    def _before(self, moment: float) -> int:
        return max(first_since(self._client, self._keys, state_of(self._client, self._keys), moment) - 1, 0)

    def _guarded(self, work: Callable[[], T]) -> T:
        self._check()
        try:
            return work()
        except ERRORS as error:
            raise EngineDown(f"Redis: {type(error).__name__} {error}") from error

    def _check(self) -> None:
        if self._closed or self._pid != os.getpid():
            raise EngineDown("this engine was closed, or inherited through a fork")

    def close(self) -> None:
        """End the followers and the connections; of an engine that was inherited, nothing."""
        if self._pid != os.getpid():
            return
        while self._followers:
            self._followers.pop().close()
        if not self._closed:
            self._closed = True
            self._client.close()
