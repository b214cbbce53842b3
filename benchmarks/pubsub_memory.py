"""Fan-out in a process, and what the caller and the others have of it."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections import deque
from collections.abc import Callable
from time import monotonic_ns, perf_counter_ns, sleep

from flowstone_pubsub.bus import Bus
from flowstone_pubsub.engines.opening import open_engine
from flowstone_pubsub.message import Message
from flowstone_pubsub.subscription import Subscription

MESSAGES = 1000
TOGETHER = 50
TEXT = "x" * 280
PATIENCE_S = 60


def open_bus() -> Bus:
    """Return a bus on a log in memory of its own."""
    return Bus(open_engine(f"memory://{os.urandom(8).hex()}"))


async def read(subscription: Subscription, count: int = MESSAGES) -> None:
    """Read *count* messages.

    Raises:
        ValueError: There was a gap.
    """
    async for item in subscription:
        if not isinstance(item, Message):
            raise ValueError(f"a benchmark's subscriber lost messages: {item}")
        count -= 1
        if not count:
            return


async def bus(subscribers: int) -> float:
    """Return microseconds a message over the bus."""
    with_bus = open_bus()
    subscriptions = [with_bus.subscribe("numbers", maxlen=2 * MESSAGES) for _ in range(subscribers)]
    took = await over(with_bus, subscriptions, MESSAGES)
    for one in subscriptions:
        one.close()
    with_bus.close()
    return took


async def over(with_bus: Bus, subscriptions: list[Subscription], messages: int) -> float:
    """Return microseconds a message until all subscriptions have it."""
    tasks = [asyncio.create_task(read(one, messages)) for one in subscriptions]
    await asyncio.sleep(0)
    began = perf_counter_ns()
    for n in range(messages):
        with_bus.broadcast("numbers", {"n": n, "text": TEXT})
        if n % TOGETHER == 0:
            await asyncio.sleep(0)
    await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE_S)
    return (perf_counter_ns() - began) / 1000 / messages


async def queues(subscribers: int) -> float:
    """Return microseconds a message over a bare queue for each."""
    made: list[asyncio.Queue[object]] = [asyncio.Queue() for _ in range(subscribers)]

    async def take(queue: asyncio.Queue[object]) -> None:
        for _ in range(MESSAGES):
            await queue.get()

    tasks = [asyncio.create_task(take(queue)) for queue in made]
    await asyncio.sleep(0)
    began = perf_counter_ns()
    for n in range(MESSAGES):
        message = {"n": n, "text": TEXT}
        for queue in made:
            queue.put_nowait(message)
        if n % TOGETHER == 0:
            await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    return (perf_counter_ns() - began) / 1000 / MESSAGES


async def broadcaster(subscribers: int) -> float:
    """Return microseconds a message over ``broadcaster``."""
    from broadcaster import Broadcast

    ready = 0
    all_ready = asyncio.Event()
    async with Broadcast("memory://") as broadcast:

        async def take() -> None:
            nonlocal ready
            async with broadcast.subscribe(channel="numbers") as subscriber:
                ready += 1
                if ready == subscribers:
                    all_ready.set()
                left = MESSAGES
                async for _ in subscriber:  # type: ignore[union-attr]
                    left -= 1
                    if not left:
                        return

        tasks = [asyncio.create_task(take()) for _ in range(subscribers)]
        await all_ready.wait()
        began = perf_counter_ns()
        for n in range(MESSAGES):
            await broadcast.publish(channel="numbers", message={"n": n, "text": TEXT})
            if n % TOGETHER == 0:
                await asyncio.sleep(0)
        await asyncio.gather(*tasks)
        return (perf_counter_ns() - began) / 1000 / MESSAGES


Call = Callable[[str, object], object]


def caller(together: int = 50) -> tuple[float, float]:
    """Return p50 and p99 of ``broadcast`` in microseconds, onto the embedded default, *together* every 2 ms."""
    with tempfile.TemporaryDirectory(prefix="flowstone-bench-") as folder:
        onto = Bus(open_engine(f"sqlite:///{folder}/events.db"))
        found = _spent(onto.broadcast, together)
        onto.close(10)
    return found


def nothing(together: int = 50) -> tuple[float, float]:
    """Return the same of a deque's own ``append`` in place of it: what a call costs here that does nothing."""
    kept: deque[object] = deque(maxlen=1000)

    def put(topic: str, payload: object) -> None:
        kept.append((topic, payload))

    return _spent(put, together)


def _spent(call: Call, together: int) -> tuple[float, float]:
    spent: list[int] = []
    for burst in range(max(200, 2000 // together)):
        for n in range(together):
            payload = {"n": n, "burst": burst, "text": TEXT}
            began = perf_counter_ns()
            call("numbers", payload)
            spent.append(perf_counter_ns() - began)
        sleep(0.002)
    return quantiles(spent, 1000)


async def latency(subscribers: int, stalled: int) -> float:
    """Return the p99, in microseconds, of *subscribers* beside *stalled* ones that never read."""
    with_bus = open_bus()
    others = [with_bus.subscribe("numbers", maxlen=64) for _ in range(stalled)]
    subscriptions = [with_bus.subscribe("numbers") for _ in range(subscribers)]
    spent: list[int] = []

    async def take(subscription: Subscription) -> None:
        left = MESSAGES
        async for item in subscription:
            spent.append(monotonic_ns() - item.event)  # type: ignore[union-attr]
            left -= 1
            if not left:
                return

    tasks = [asyncio.create_task(take(one)) for one in subscriptions]
    for _ in range(MESSAGES):
        with_bus.broadcast("numbers", monotonic_ns())
        await asyncio.sleep(0.001)
    await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE_S)
    for one in (*subscriptions, *others):
        one.close()
    with_bus.close()
    return quantiles(spent, 1000)[1]


def quantiles(spent: list[int], scale: float) -> tuple[float, float]:
    """Return p50 and p99, divided by *scale*."""
    spent.sort()
    return spent[len(spent) // 2] / scale, spent[len(spent) * 99 // 100] / scale
