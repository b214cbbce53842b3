from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import redis as client
from nats.aio.client import Client

from flowstone_pubsub.bus import Bus
from flowstone_pubsub.engines.opening import open_engine
from flowstone_pubsub.message import Gap, Message
from flowstone_pubsub.testing.reading import Gathered, outgoing, publish_patiently
from tests.servers import nats, redis
from tests.servers.nats import NatsServer
from tests.servers.programs import Program
from tests.servers.redis import RedisServer
from tests.servers.relay import relayed

PATIENCE = 30.0


@pytest.fixture(params=["nats", "redis"])
def server(request: pytest.FixtureRequest) -> Iterator[NatsServer | RedisServer]:
    """A server of the test's own."""
    with nats.running() if request.param == "nats" else redis.running() as running:
        yield running


def test_a_log_that_was_lost_is_told() -> None:
    """A Redis that forgot everything: followers get a gap that says so, then all of the new log, further or not."""
    with redis.running(durable=False) as server:
        engine, gathered = open_engine(server.url()), Gathered()
        engine.publish([outgoing(n) for n in range(5)])
        engine.follow(0, gathered)
        gathered.wait(5, PATIENCE)
        server.kill()
        server.start()
        publish_patiently(engine, [outgoing(n) for n in range(20)], PATIENCE)
        gathered.wait(25, PATIENCE)
        assert [*range(1, 6), (6, 0, "engine"), *range(1, 21)] == _told(gathered)
        engine.close()


def test_a_stream_that_was_replaced_is_told(server: NatsServer | RedisServer) -> None:
    """A log that was deleted while all was up: the same."""
    engine, gathered = open_engine(server.url("faults")), Gathered()
    engine.publish([outgoing(n) for n in range(5)])
    engine.follow(0, gathered)
    gathered.wait(5, PATIENCE)
    _delete(server)
    publish_patiently(engine, [outgoing(n) for n in range(20)], PATIENCE)
    gathered.wait(25, PATIENCE)
    assert [*range(1, 6), (6, 0, "engine"), *range(1, 21)] == _told(gathered)
    engine.close()


@pytest.mark.parametrize("count", [20, 2500])
def test_who_catches_up_with_a_stream_that_is_replaced_is_told(
    server: NatsServer | RedisServer, count: int
) -> None:
    """Who still reads what was there before is told, and gets all of the new log, further or not."""
    bus, other = Bus(open_engine(server.url("faults"))), open_engine(server.url("faults"))
    bus.engine.publish([outgoing(["old", n], "t") for n in range(2000)])
    with bus.subscribe("t", since="earliest", policy="spill") as subscription:
        assert isinstance(subscription.next_item(PATIENCE), Message)
        _delete(server)
        publish_patiently(other, [outgoing(["new", n], "t") for n in range(count)], PATIENCE)
        found: list[Any] = []
        while Gap not in map(type, found) or found[-1] != ["new", count - 1]:
            item = subscription.next_item(PATIENCE)
            assert item is not None
            found.append(item.event if isinstance(item, Message) else item)
    told = max(n for n, item in enumerate(found) if isinstance(item, Gap))
    assert [["new", n] for n in range(count)] == found[told + 1 :]
    bus.close()
    other.close()


def test_numbers_that_were_given_twice_are_told() -> None:
    """A Redis that fell back behind what it had told (a crash, a fail-over) and went on is found out by the record."""
    with redis.running() as server, relayed(server.port) as relay:
        engine, gathered = open_engine(server.url("faults", relay.port)), Gathered()
        engine.publish([outgoing(n) for n in range(5)])
        engine.follow(0, gathered)
        gathered.wait(5, PATIENCE)
        relay.cut()
        _fall_back_and_go_on(server, 7)
        relay.mend()
        gathered.wait(12, PATIENCE)
        assert [*range(1, 6), (6, 0, "engine"), *range(1, 8)] == _told(gathered)
        engine.close()


def _fall_back_and_go_on(server: Program, count: int) -> None:
    straight = client.Redis(port=server.port)
    epoch = straight.hget("{faults}:meta", "epoch")
    straight.delete("{faults}:log")
    for n in range(1, count + 1):
        fields: dict[Any, Any] = {
            "i": uuid.uuid4().hex,
            "t": 1,
            "p": '["a"]',
            "d": str(n),
            "w": 1,
            "e": epoch,
        }
        straight.xadd("{faults}:log", fields, id=f"{n}-0")
    straight.hset("{faults}:meta", "newest", str(count))
    straight.close()


def _told(gathered: Gathered) -> list[int | tuple[int, int, str]]:
    return [
        (item.first, item.last, item.reason) if isinstance(item, Gap) else item.seq for item in gathered.items
    ]


def _delete(server: NatsServer | RedisServer) -> None:
    if isinstance(server, RedisServer):
        straight = client.Redis(port=server.port)
        straight.flushall()
        straight.close()
        return

    async def delete() -> None:
        connection = Client()
        await connection.connect(f"nats://127.0.0.1:{server.port}")
        await connection.request("$JS.API.STREAM.DELETE.faults", b"")
        await connection.close()

    asyncio.run(delete())
