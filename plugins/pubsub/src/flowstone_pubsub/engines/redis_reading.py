"""Reading a log in Redis, and what is amiss when a client of it fails."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import orjson
import redis

from flowstone_pubsub.engines.base import Record
from flowstone_pubsub.engines.redis_script import Keys

Client = Any
"""``redis.Redis``: its stubs mix synchronous and asynchronous results."""

CONNECT_S: Final = 2.0
REPLY_S: Final = 3.0
ERRORS: Final = (redis.RedisError, OSError)
"""What the client raises when the server or the way to it is down."""


class State(NamedTuple):
    """Of a log: what tells it from its predecessors, where it begins and ends; nothing published: ``"", 0, 0``."""

    epoch: str
    oldest: int
    newest: int


def client_of(url: str) -> Client:
    """Return a client that gives up soon: whoever uses it tries again by himself.

    Raises:
        ValueError: The URL is malformed.
    """
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return redis.Redis.from_url(
        url,
        protocol=2,
        socket_connect_timeout=CONNECT_S,
        socket_timeout=REPLY_S,
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 1),  # once, for a connection that was idle while the server was started anew
        client_name="flowstone-pubsub",
    )


def state_of(client: Client, keys: Keys) -> State:
    """Return where the log begins and ends."""
    asked = client.pipeline(transaction=True)
    asked.hmget(keys.meta, "epoch", "newest")
    asked.xrange(keys.stream, "-", "+", count=1)
    (epoch, newest), first = asked.execute()
    if epoch is None:
        return State("", 0, 0)
    end = int(newest or 0)
    oldest = number_of(first[0][0]) if first else end + 1
    return State(epoch.decode(), oldest, end)


def records_from(client: Client, keys: Keys, first: int, limit: int) -> list[Record]:
    """Return at most *limit* records from the number *first* on."""
    return [record_of(*entry) for entry in client.xrange(keys.stream, f"{first}-0", "+", count=limit)]


def first_since(client: Client, keys: Keys, state: State, moment: float) -> int:
    """Return the number of the first record that was added at *moment* or later, in Unix seconds of the server's clock.

    Found by halving, since these times rise with the numbers.
    """
    low, high = state.oldest, state.newest + 1
    while low < high:
        middle = (low + high) // 2
        if _added_at(client, keys, middle) < moment:
            low = middle + 1
        else:
            high = middle
    return low


def _added_at(client: Client, keys: Keys, number: int) -> float:
    """Return when the record of *number* was added; infinite where nobody knows."""
    found = client.xrange(keys.stream, f"{number}-0", "+", count=1)
    return float(found[0][1].get(b"w", "inf")) if found else float("inf")


def number_of(id: bytes) -> int:
    """Return the number that is the first half of an entry's id."""
    return int(id.partition(b"-")[0])


def epoch_of(entry: tuple[bytes, dict[bytes, bytes]]) -> str:
    """Return which log an entry belongs to."""
    return entry[1].get(b"e", b"").decode()


def record_of(id: bytes, fields: dict[bytes, bytes]) -> Record:
    """Return the record of an entry; of one that somebody else wrote, what can be told of it."""
    seq = number_of(id)
    try:
        topics = tuple(orjson.loads(fields[b"p"]))
        return Record(seq, fields[b"i"].decode(), int(fields[b"t"]), topics, fields[b"d"])
    except (KeyError, ValueError, TypeError):
        return Record(seq, f"{seq:032x}", 0, ("redis",), fields.get(b"d", b""))
