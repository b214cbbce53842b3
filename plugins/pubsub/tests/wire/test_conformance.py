from __future__ import annotations

import uuid

import pytest

from flowstone_pubsub.engines.opening import open_engine
from flowstone_pubsub.testing.conformance import PubSubContract
from flowstone_pubsub.testing.reading import outgoing
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


def test_a_log_may_be_called_error(nats_server: NatsServer) -> None:
    """What JetStream answers is read as JSON: a stream of that name takes what is published."""
    engine = open_engine(nats_server.url("error"))
    engine.publish([outgoing(1)])
    assert (1, 1) == engine.bounds()
    engine.close()
