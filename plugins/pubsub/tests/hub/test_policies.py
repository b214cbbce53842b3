from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from flowstone_pubsub import Bus, Gap, Subscription, open_engine, payloads
from flowstone_pubsub.testing.reading import outgoing


@pytest.fixture
def bus() -> Iterator[Bus]:
    made = Bus(open_engine(f"memory://{os.urandom(8).hex()}"))
    yield made
    made.close()


def send(bus: Bus, *payloads: Any, topic: str = "t") -> None:
    bus.engine.publish([outgoing(payload, topic) for payload in payloads])


def taken(subscription: Subscription) -> list[Any]:
    found = []
    while (item := subscription.next_item(0)) is not None:
        found.append(item if isinstance(item, Gap) else item.event)
    return found


def test_drop_oldest_keeps_the_newest(bus: Bus) -> None:
    """What was dropped comes first, as a gap, then the newest."""
    subscription = bus.subscribe("t", maxlen=3)
    send(bus, *range(1, 11))
    assert [Gap(1, 7, "slow_consumer"), 8, 9, 10] == taken(subscription)
    send(bus, 11)
    assert [11] == taken(subscription)


def test_a_gap_that_is_dropped_is_no_message_that_is(bus: Bus) -> None:
    """What was lost before the log and then overwritten is told once, and only messages count as dropped."""
    subscription = bus.subscribe("t", maxlen=2)
    send(bus, 1)
    bus.engine.publish([payloads.lost(5)])
    send(bus, 3, 4, 5)
    assert 2 == subscription._box.newly_dropped()
    assert [Gap(1, 3, "slow_consumer"), 4, 5] == taken(subscription)


def test_drop_newest_keeps_the_oldest(bus: Bus) -> None:
    """The oldest come first, then the gap, then what came when there was room again."""
    subscription = bus.subscribe("t", maxlen=3, policy="drop_newest")
    send(bus, *range(1, 6))
    assert 1 == subscription.next_item(0).event  # type: ignore[union-attr]
    send(bus, 6, 7)
    assert [2, 3, Gap(4, 7, "slow_consumer")] == taken(subscription)
    send(bus, 8)
    assert [8] == taken(subscription)


def test_coalesce_keeps_the_newest_of_each_key(bus: Bus) -> None:
    """Of each key the newest waits; what it replaced is told in its place, joined where nothing is between."""
    subscription = bus.subscribe("t", policy="coalesce", key=lambda message: message.event[0])
    send(bus, "a1", "b1", "a2", "c1", "b2", "a3")
    assert [Gap(1, 3, "coalesced"), "c1", "b2", "a3"] == taken(subscription)
    send(bus, "a4")
    assert ["a4"] == taken(subscription)


def test_coalesce_is_bounded(bus: Bus) -> None:
    """More keys than may wait: the oldest are dropped, as by a slow consumer."""
    subscription = bus.subscribe("t", policy="coalesce", maxlen=2, key=lambda message: message.event)
    send(bus, *range(1, 6))
    assert [Gap(1, 3, "slow_consumer"), 4, 5] == taken(subscription)


def test_a_key_that_fails_is_the_topic(bus: Bus) -> None:
    """A key function that raises, or gives a list, disturbs nobody."""
    subscription = bus.subscribe("t", policy="coalesce", key=lambda message: message.event["x"])
    other = bus.subscribe("t")
    send(bus, 1, {"x": [1]}, {"x": 7})
    assert [Gap(1, 1, "coalesced"), {"x": [1]}, {"x": 7}] == taken(subscription)
    assert [1, {"x": [1]}, {"x": 7}] == taken(other)


def test_disconnect_ends_the_subscription(bus: Bus) -> None:
    """What fits is given, then the gap, then it ends; the position says where to go on."""
    subscription = bus.subscribe("t", maxlen=2, policy="disconnect")
    send(bus, 1, 2, 3, 4)
    send(bus, 5)
    assert [1, 2] == [subscription.next_item(0).event for _ in range(2)]  # type: ignore[union-attr]
    position = subscription.position
    assert [Gap(3, 4, "slow_consumer")] == taken(subscription)
    assert subscription.closed
    assert [3, 4, 5] == taken(bus.subscribe("t", since=position))


def test_spill_reads_on_from_the_log(bus: Bus) -> None:
    """Nothing is lost, and what others said in between is passed over."""
    subscription = bus.subscribe("t", maxlen=2, policy="spill")
    send(bus, 1, 2)
    send(bus, 0, 0, topic="other")
    send(bus, 3, 4, 5)
    assert [1, 2, 3, 4, 5] == taken(subscription)
    send(bus, 6)
    assert [6] == taken(subscription)
    assert 8 == subscription.position


@pytest.mark.parametrize(
    "arguments",
    [
        {"policy": "block"},
        {"maxlen": 0},
        {"maxlen": True},
        {"policy": "coalesce"},
        {"key": str},
        {"since": -1},
        {"since": 2**63},
        {"since": "x"},
    ],
)
def test_what_cannot_be_is_told(bus: Bus, arguments: dict[str, Any]) -> None:
    """Arguments that make no sense are a ValueError."""
    with pytest.raises(ValueError, match=r"\w"):
        bus.subscribe("t", **arguments)


def test_a_subscription_that_is_forgotten_is_let_go(bus: Bus) -> None:
    """Nobody has to close: what nobody holds any more is not filled any more."""
    bus.subscribe("t")
    send(bus, 1)
    assert 0 == bus.subscribers("t")
    with bus.subscribe("t"):
        assert 1 == bus.subscribers("t")


def test_a_stalled_subscriber_is_bounded_and_the_others_do_not_mind(bus: Bus) -> None:
    """Whoever never reads keeps no more than it may, while another gets everything."""
    stalled, reader = bus.subscribe("*", maxlen=10), bus.subscribe("*")
    for n in range(2_000):
        send(bus, n)
        assert [n] == taken(reader)
    assert 11 == stalled.depth
    assert Gap(1, 1_990, "slow_consumer") == stalled.next_item(0)
