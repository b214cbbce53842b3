from __future__ import annotations

from flowstone_pubsub.testing.conformance import PubSubContract


class TestMemory(PubSubContract):
    engine_url = "memory://{unique}"
    over_processes = False


class TestSqlite(PubSubContract):
    engine_url = "sqlite:///{tmp}/events.db"
