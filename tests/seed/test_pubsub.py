"""The seed's tests of its PubSub, one twin each, over the engines that need no server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import flowstone
import flowstone_pubsub as pubsub
from flowstone.testing.capture import capture
from flowstone_pubsub import Gap, Message, Subscription, current
from flowstone_pubsub.plugin import PubSubPlugin

WAIT = 10.0


@pytest.fixture(autouse=True, params=["memory", "sqlite"])
def log(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    url = {"memory": f"memory://{tmp_path.name}", "sqlite": f"sqlite:///{tmp_path}/events.db"}[request.param]
    current.close(1.0)
    monkeypatch.setenv("FLOWSTONE_PUBSUB_URL", url)
    yield
    current.close(1.0)


def got(subscription: Subscription) -> Message:
    item = subscription.next_item(WAIT)
    assert isinstance(item, Message), item
    return item


def test_the_topic_of_materializations() -> None:
    """``materialization_topic()`` is "materializations"."""
    assert "materializations" == pubsub.materialization_topic()


def test_the_topic_of_checkpoints() -> None:
    """``checkpoint_topic()`` is "checkpoints"."""
    assert "checkpoints" == pubsub.checkpoint_topic()


def test_the_topic_of_an_asset() -> None:
    """``asset_topic("a")`` is "asset:a"."""
    assert "asset:a" == pubsub.asset_topic("a")


def test_the_topic_of_a_run() -> None:
    """``run_topic(id)`` is "run:" and the id."""
    assert "run:4711" == pubsub.run_topic("4711")


def test_what_is_broadcast_arrives() -> None:
    """Who subscribed to a topic gets what is broadcast to it."""
    with pubsub.subscribe("materializations") as subscription:
        pubsub.broadcast("materializations", {"asset": "daily_report", "status": "success"})
        message = got(subscription)
    assert {"asset": "daily_report", "status": "success"} == message.event
    assert ("materializations", 1) == (message.topic, message.seq)


def test_it_arrives_at_every_subscriber() -> None:
    """All subscribers of a topic get it, in threads and in tasks."""

    async def listen(count: int) -> list[Any]:
        subscriptions = [pubsub.subscribe("checkpoints") for _ in range(count)]
        pubsub.broadcast("checkpoints", "decide")
        found = []
        for subscription in subscriptions:
            async for message in subscription:
                assert not isinstance(message, Gap)
                found.append(message.event)
                subscription.close()
        return found

    with pubsub.subscribe("checkpoints") as first, pubsub.subscribe("checkpoints") as second:
        assert ["decide"] * 3 == asyncio.run(asyncio.wait_for(listen(3), WAIT))
        assert ["decide"] * 2 == [got(first).event, got(second).event]


def test_it_arrives_at_none_of_another_topic() -> None:
    """Who subscribed to another topic gets nothing of it."""
    with (
        pubsub.subscribe(pubsub.asset_topic("a")) as mine,
        pubsub.subscribe(pubsub.asset_topic("b")) as other,
    ):
        pubsub.broadcast(pubsub.asset_topic("a"), 1)
        pubsub.broadcast(pubsub.asset_topic("b"), 2)
        assert (1, 2) == (got(mine).event, got(other).event)
        assert None is mine.next_item(0.1)
        assert None is other.next_item(0.1)


def test_who_ended_the_subscription_gets_nothing_more() -> None:
    """After a close nothing arrives, and broadcasting goes on."""
    with pubsub.subscribe("materializations") as subscription:
        pass
    pubsub.broadcast("materializations", 1)
    assert pubsub.flush(WAIT)
    assert [] == list(subscription)


def test_broadcasting_without_subscribers_is_no_error() -> None:
    """Nobody has to listen."""
    pubsub.broadcast("materializations", {"n": 1})
    assert pubsub.flush(WAIT)


def test_materializations_reach_their_topics_by_themselves() -> None:
    """A materialization is heard under materializations, its asset and its run, once with each id."""
    with capture(PubSubPlugin()) as captured:
        with (
            pubsub.subscribe("materializations") as all_of_them,
            pubsub.subscribe(pubsub.asset_topic("daily_report")) as asset,
            pubsub.subscribe(pubsub.run_topic("r1")) as run,
        ):
            with (
                flowstone.run("nightly", run_id="r1"),
                flowstone.materialization("daily_report"),
                flowstone.io_load("orders", io_manager="s3"),
            ):
                pass
            names = ["materialization.start", "materialization.stop"]
            found = [got(all_of_them) for _ in range(2)]
            assert names == [message.event.name for message in found]
            assert names == [got(asset).event.name for _ in range(2)]
            whole = ["run.start", "materialization.start", "io.load.start", "io.load.stop"]
            assert [*whole, "materialization.stop", "run.stop"] == [got(run).event.name for _ in range(6)]
        told = [event for event in captured.events if event.name in names]
    assert told == [message.event for message in found]
    assert [event.id for event in told] == [message.id for message in found]


def test_checkpoints_reach_their_topic_by_themselves() -> None:
    """A checkpoint's request and verdict are heard under checkpoints."""
    with capture(PubSubPlugin()), pubsub.subscribe(pubsub.checkpoint_topic()) as subscription:
        gate = flowstone.checkpoint("publish", timeout=60).request()
        assert "checkpoint.requested" == got(subscription).event.name
        gate.approve(actor="ann", reason="ok")
        assert "checkpoint.approved" == got(subscription).event.name


def test_health_and_sensors_reach_their_topics_by_themselves() -> None:
    """Checks of resources are heard under health, sensors under sensors."""
    with (
        capture(PubSubPlugin()),
        pubsub.subscribe("health") as health,
        pubsub.subscribe("sensors") as sensors,
    ):
        flowstone.resource_health("warehouse", healthy=True)
        flowstone.sensor_poll("s3")
        assert "resource.health_check" == got(health).event.name
        assert "sensor.poll" == got(sensors).event.name
