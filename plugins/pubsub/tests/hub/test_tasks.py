from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import Iterator

import pytest

from flowstone_pubsub import Bus, Message, Subscription, open_engine
from flowstone_pubsub.engines.base import Deliver, Follower
from flowstone_pubsub.engines.memory import MemoryEngine
from flowstone_pubsub.testing.reading import outgoing


@pytest.fixture
def bus() -> Iterator[Bus]:
    made = Bus(open_engine(f"memory://{os.urandom(8).hex()}"))
    yield made
    made.close()


async def within(subscription: Subscription, seconds: float) -> object:
    try:
        item = await asyncio.wait_for(anext(subscription), seconds)
    except TimeoutError:
        return None
    return item.event if isinstance(item, Message) else item


def test_a_wait_that_is_given_up_ends_nothing(bus: Bus) -> None:
    """A task waits for a bounded time, again and again, and gets what came meanwhile."""

    async def listen() -> list[object]:
        async with bus.subscribe("t") as subscription:
            found = [await within(subscription, 0.05)]
            bus.engine.publish([outgoing(1, "t")])
            found += [await within(subscription, 5), await within(subscription, 0.05)]
            bus.engine.publish([outgoing(2, "t"), outgoing(3, "t")])
            return found + [await within(subscription, 5) for _ in range(2)]

    assert [None, 1, None, 2, 3] == asyncio.run(listen())


@pytest.mark.parametrize("since", [None, 0])
def test_waits_that_are_given_up_at_any_moment_lose_nothing(bus: Bus, since: int | None) -> None:
    """Whether it is live or reads the log, each item comes once and in order, whenever the wait was cancelled."""

    async def listen() -> list[object]:
        async with bus.subscribe("t", since=since, policy="spill", maxlen=8) as subscription:
            publishing = asyncio.create_task(asyncio.to_thread(publish))
            found: list[object] = []
            for turn in itertools.count():
                if len(found) == 600:
                    break
                item = await within(subscription, 0.0005 * (turn % 3))
                if item is not None:
                    found.append(item)
            await publishing
            return found

    def publish() -> None:
        for n in range(600):
            bus.engine.publish([outgoing(n, "t")])
            time.sleep(0.0005)

    assert list(range(600)) == asyncio.run(asyncio.wait_for(listen(), 30))


class _SlowToEnd(MemoryEngine):
    """Its followers take a while to end, as those over a wire do."""

    def follow(self, after: int | None, deliver: Deliver) -> Follower:  # type: ignore[override]
        follower = super().follow(after, deliver)
        close = follower.close

        def slowly() -> None:
            time.sleep(0.5)
            close()

        follower.close = slowly  # type: ignore[method-assign]
        return follower


def test_leaving_does_not_hold_the_loop() -> None:
    """While a subscription ends, which may wait for the log, other tasks go on."""
    memory = open_engine(f"memory://{os.urandom(8).hex()}")
    assert isinstance(memory, MemoryEngine)
    bus = Bus(_SlowToEnd(memory._log))

    async def beat(beats: list[float]) -> None:
        while True:
            beats.append(time.monotonic())
            await asyncio.sleep(0.01)

    async def leave() -> float:
        beats: list[float] = []
        beating = asyncio.create_task(beat(beats))
        async with bus.subscribe("t"):
            await asyncio.sleep(0.05)
        beats.append(time.monotonic())
        beating.cancel()
        return max(later - earlier for earlier, later in itertools.pairwise(beats))

    assert asyncio.run(leave()) < 0.4
    bus.close()
