from __future__ import annotations

import uuid

import pytest

from flowstone_pubsub.testing.conformance import PubSubContract
from tests.servers.nats import NatsServer
from tests.servers.redis import RedisServer


class TestNats(PubSubContract):
    @pytest.fixture
    def url(self, nats_server: NatsServer) -> str:
        return nats_server.url(uuid.uuid4().hex)


class TestRedis(PubSubContract):
    @pytest.fixture
    def url(self, redis_server: RedisServer) -> str:
        return redis_server.url(uuid.uuid4().hex)
