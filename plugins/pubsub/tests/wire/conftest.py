from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers import nats, redis
from tests.servers.nats import NatsServer
from tests.servers.redis import RedisServer


@pytest.fixture(scope="session")
def nats_server() -> Iterator[NatsServer]:
    with nats.running() as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    with redis.running() as server:
        yield server
