"""The other process: ``python -m benchmarks.pubsub_reader URL SUBSCRIBERS MESSAGES`` prints p50 and p99 in ms."""

from __future__ import annotations

import asyncio
import json
import sys
from time import monotonic_ns

from benchmarks.pubsub_memory import PATIENCE_S, quantiles
from flowstone_pubsub.bus import Bus
from flowstone_pubsub.engines.opening import open_engine
from flowstone_pubsub.message import Message
from flowstone_pubsub.subscription import Subscription


async def main(url: str, subscribers: int, messages: int) -> None:
    """Read *messages* with each of *subscribers*."""
    bus = Bus(open_engine(url))
    subscriptions = [bus.subscribe("numbers", maxlen=messages + 1) for _ in range(subscribers)]
    spent: list[int] = []

    async def take(subscription: Subscription) -> None:
        left = messages
        async for item in subscription:
            assert isinstance(item, Message), item
            sent = item.event["at"] if isinstance(item.event, dict) else item.event
            spent.append(monotonic_ns() - sent)
            left -= 1
            if not left:
                return

    print("ready", flush=True)
    await asyncio.wait_for(asyncio.gather(*(take(one) for one in subscriptions)), PATIENCE_S)
    print(json.dumps(quantiles(spent, 1e6)), flush=True)
    bus.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
