"""A model that counts: random broadcasts, subscriptions, overflows, retention and returns, within one process."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from time import sleep
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from flowstone_pubsub import Bus, Gap, Message, Retention, Subscription, open_engine
from flowstone_pubsub.engines.base import Outgoing
from flowstone_pubsub.payloads import lost
from flowstone_pubsub.testing.reading import Gathered
from plugins.pubsub.tests.accounting import Seen, unaccounted

TOPICS = ["a", "asset:x", "asset:y", "run:1"]
ASKED = [*TOPICS, "asset:*", "*"]
POLICIES = ["drop_oldest", "drop_newest", "coalesce", "disconnect", "spill"]


class Reader:
    """A subscription, and what it gave."""

    def __init__(self, subscription: Subscription, after: int) -> None:
        self.subscription = subscription
        self.after = after
        self.seen: list[Seen] = []

    def take(self, count: int) -> None:
        while count > 0 and (item := self.subscription.next_item(0)) is not None:
            self.seen.append(item if isinstance(item, Gap) else (item.seq, item.id))
            count -= 1


class Counting(RuleBasedStateMachine):
    """The log in memory delivers at once, so that each step has its outcome when it returns."""

    def __init__(self) -> None:
        super().__init__()
        self.bus = Bus(open_engine(f"memory://{os.urandom(8).hex()}", Retention(records=12)))
        self.log: dict[int, tuple[str, tuple[str, ...]]] = {}
        self.newest = 0
        self.readers: list[Reader] = []

    @rule(batch=st.lists(st.lists(st.sampled_from(TOPICS), min_size=1, max_size=3, unique=True), max_size=8))
    def publish(self, batch: list[list[str]]) -> None:
        sent = [Outgoing(os.urandom(16).hex(), 1, tuple(topics), b'{"data":null}') for topics in batch]
        self.bus.engine.publish(sent)
        for one in sent:
            self.newest += 1
            self.log[self.newest] = one.id, one.topics

    @rule()
    def lose(self) -> None:
        """What the outbox tells where it lost something takes a number too."""
        self.bus.engine.publish([lost(3)])
        self.newest += 1

    @rule(
        asked=st.lists(st.sampled_from(ASKED), min_size=1, max_size=2, unique=True),
        policy=st.sampled_from(POLICIES),
        maxlen=st.integers(1, 6),
        back=st.none() | st.integers(0, 20),
    )
    def subscribe(self, asked: list[str], policy: Any, maxlen: int, back: int | None) -> None:
        since = None if back is None else max(self.newest - back, 0)
        key: Callable[[Message], str] | None = (
            (lambda message: message.topic) if policy == "coalesce" else None
        )
        made = self.bus.subscribe(*asked, since=since, policy=policy, maxlen=maxlen, key=key)
        self.readers.append(Reader(made, self.newest if since is None else since))

    @rule(which=st.integers(0, 9), count=st.integers(1, 12))
    def take(self, which: int, count: int) -> None:
        if self.readers:
            self.readers[which % len(self.readers)].take(count)

    @rule(which=st.integers(0, 9))
    def come_back(self, which: int) -> None:
        """Close without reading what waits, and go on at the position."""
        if self.readers:
            reader = self.readers[which % len(self.readers)]
            position = reader.subscription.position
            reader.subscription.close()
            reader.subscription = self.bus.subscribe(*reader.subscription.topics, since=position, maxlen=3)

    @invariant()
    def positions_tell_the_truth(self) -> None:
        """Up to its position each reader has accounted for everything already."""
        for reader in self.readers:
            until = reader.subscription.position
            asked = reader.subscription.topics
            assert [] == unaccounted(reader.seen, self.log, asked, after=reader.after, until=until)

    def teardown(self) -> None:
        for reader in self.readers:
            reader.take(1_000)
            ended = reader.subscription.closed
            until = reader.subscription.position if ended else self.newest
            asked = reader.subscription.topics
            assert [] == unaccounted(reader.seen, self.log, asked, after=reader.after, until=until)
            assert ended or until == reader.subscription.position
        self.bus.close()


Counting.TestCase.settings = settings(
    max_examples=150, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestCounting = Counting.TestCase


def test_the_count_holds_while_threads_race() -> None:
    """Readers of four policies race with three publishers: nothing is missing in silence, nothing comes twice."""
    bus = Bus(open_engine(f"memory://{os.urandom(8).hex()}", Retention(records=500)))
    truth = Gathered()
    bus.engine.follow(0, truth)
    readers = [
        Reader(bus.subscribe("*", policy="drop_oldest", maxlen=16), 0),
        Reader(bus.subscribe("asset:*", "a", policy="drop_newest", maxlen=4), 0),
        Reader(bus.subscribe("asset:*", policy="coalesce", maxlen=8, key=lambda message: message.topic), 0),
        Reader(bus.subscribe("*", policy="spill", maxlen=32), 0),
    ]
    stop = threading.Event()

    def publish() -> None:
        for n in range(1_500):
            bus.broadcast(TOPICS[n % 4], n)

    def read(reader: Reader) -> None:
        while not stop.is_set():
            reader.take(7)
            sleep(0.0002)  # threads that never let go of the interpreter leave the publishing one 5 ms apart
        reader.take(10_000)

    publishers = [threading.Thread(target=publish, daemon=True) for _ in range(3)]
    consumers = [threading.Thread(target=read, args=(reader,), daemon=True) for reader in readers]
    for thread in [*publishers, *consumers]:
        thread.start()
    for thread in publishers:
        thread.join(30)
    assert bus.flush(30)
    stop.set()
    for thread in consumers:
        thread.join(30)
    log = {record.seq: (record.id, record.topics) for record in truth.records}
    assert list(range(1, 4_501)) == sorted(log)
    for reader in readers:
        reader.take(10_000)
        asked = reader.subscription.topics
        assert [] == unaccounted(reader.seen, log, asked, after=0, until=4_500)
    bus.close()
