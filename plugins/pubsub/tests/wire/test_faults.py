from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from flowstone_pubsub.bus import Bus
from flowstone_pubsub.engines.base import Engine, EngineDown, Record
from flowstone_pubsub.engines.opening import open_engine
from flowstone_pubsub.envelope import Envelope
from flowstone_pubsub.message import Message
from flowstone_pubsub.testing.reading import Gathered, holes, outgoing, publish_patiently, read_all
from tests.servers import nats, redis
from tests.servers.programs import Program
from tests.servers.relay import Relay, relayed

PATIENCE = 30.0
OUTAGE = 0.7


class Wire(NamedTuple):
    server: Program
    relay: Relay
    url: str


@pytest.fixture(params=["nats", "redis"])
def wire(request: pytest.FixtureRequest) -> Iterator[Wire]:
    """A durable server of the test's own, reached over a wire that can be cut."""
    opened = nats.running() if request.param == "nats" else redis.running(durable=True)
    with opened as server, relayed(server.port) as relay:
        yield Wire(server, relay, server.url("faults", relay.port))


@pytest.fixture
def connect(wire: Wire) -> Iterator[Callable[[], Engine]]:
    opened: list[Engine] = []

    def opening() -> Engine:
        opened.append(open_engine(wire.url))
        return opened[-1]

    yield opening
    wire.relay.mend()
    for one in opened:
        one.close()


def sever(wire: Wire) -> None:
    wire.relay.sever()


def cut(wire: Wire) -> None:
    wire.relay.cut()
    time.sleep(OUTAGE)
    wire.relay.mend()


def freeze(wire: Wire) -> None:
    wire.relay.freeze()
    time.sleep(8)  # longer than any time-out and heartbeat
    wire.relay.thaw()


def pause(wire: Wire) -> None:
    wire.server.pause()
    time.sleep(OUTAGE)
    wire.server.resume()


def restart(wire: Wire) -> None:
    wire.server.stop()
    time.sleep(OUTAGE)
    wire.server.start()


def kill(wire: Wire) -> None:
    wire.server.kill()
    wire.server.start()


class Publisher(threading.Thread):
    """Publishes 0, 1, 2, ... in small batches until it is told to stop, each batch until it is taken."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(daemon=True)
        self.engine = engine
        self.count = 0
        self.stopping = False

    def run(self) -> None:
        while not self.stopping:
            batch = [outgoing(self.count + n) for n in range(5)]
            publish_patiently(self.engine, batch, PATIENCE)
            self.count += 5
            time.sleep(0.002)


@pytest.mark.parametrize("fault", [sever, cut, freeze, pause, restart, kill])
def test_nothing_is_lost_nor_doubled(
    wire: Wire, connect: Callable[[], Engine], fault: Callable[[Wire], None]
) -> None:
    """Over every kind of outage each number reaches the follower once, in order, and the log has no hole."""
    publisher, gathered = Publisher(connect()), Gathered()
    connect().follow(0, gathered)
    publisher.start()
    gathered.wait(50, PATIENCE)
    for _ in range(1 if fault is freeze else 3):
        fault(wire)
        gathered.wait(len(gathered.records) + 50, PATIENCE)
    publisher.stopping = True
    publisher.join(PATIENCE)
    found = gathered.wait(publisher.count, PATIENCE)
    assert [] == holes(gathered.items, 0)
    assert list(range(publisher.count)) == [Envelope(record.data).event for record in found]
    assert found == read_all(connect())


def test_a_subscriber_hears_all_that_was_broadcast_during_an_outage(wire: Wire) -> None:
    """What is broadcast while the server is away waits in the process, and comes when it is back."""
    speaking, listening = Bus(open_engine(wire.url)), Bus(open_engine(wire.url))
    try:
        with listening.subscribe("numbers") as subscription:
            wire.server.kill()
            began = time.perf_counter()
            for n in range(1000):
                speaking.broadcast("numbers", n)
            assert time.perf_counter() - began < 0.5
            assert not speaking.flush(0.1)
            wire.server.start()
            items = [subscription.next_item(PATIENCE) for _ in range(1000)]
        assert list(range(1000)) == [one.event for one in items if isinstance(one, Message)]
    finally:
        speaking.close()
        listening.close()


def test_an_engine_says_that_the_server_is_down(wire: Wire, connect: Callable[[], Engine]) -> None:
    """Whatever is asked of an engine whose server is away is an EngineDown, and soon; later it works by itself."""
    engine = connect()
    engine.publish([outgoing(1)])
    wire.server.stop()
    asked: list[Callable[[], object]] = [
        lambda: engine.publish([outgoing(2)]),
        lambda: engine.read(0, 10),
        engine.bounds,
        lambda: engine.follow(None, Gathered()),
    ]
    for ask in asked:
        began = time.monotonic()
        with pytest.raises(EngineDown):
            ask()
        assert time.monotonic() - began < 3
    wire.server.start()
    publish_patiently(engine, [outgoing(3)], PATIENCE)
    assert (1, 2) == engine.bounds()


def test_a_silent_server_does_not_keep_a_caller(wire: Wire, connect: Callable[[], Engine]) -> None:
    """A server that takes everything and answers nothing is an EngineDown within ten seconds."""
    engine = connect()
    engine.publish([outgoing(1)])
    wire.server.pause()
    try:
        began = time.monotonic()
        with pytest.raises(EngineDown):
            engine.publish([outgoing(2)])
        assert time.monotonic() - began < 11
    finally:
        wire.server.resume()


_PUBLISH_FOR_EVER = """
import itertools, sys
from flowstone_pubsub.engines.opening import open_engine
from flowstone_pubsub.testing.reading import outgoing
engine = open_engine(sys.argv[1])
for number in itertools.count():
    engine.publish([outgoing(number)])
    print(number, flush=True)
"""


def test_what_a_publisher_sent_survives_its_death(wire: Wire, connect: Callable[[], Engine]) -> None:
    """A publisher that is killed leaves all it was told is in the log, and at most one record more."""
    command = [sys.executable, "-c", _PUBLISH_FOR_EVER, wire.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if int(line) >= 200:
                break
        running.send_signal(signal.SIGKILL)
        told = 200 + len(running.stdout.readlines())
    found = [Envelope(item.data).event for item in read_all(connect()) if isinstance(item, Record)]
    assert list(range(len(found))) == found
    assert told + 1 <= len(found) <= told + 2


def test_a_forked_child_leaves_the_parents_connections_alone(
    wire: Wire, connect: Callable[[], Engine]
) -> None:
    """A child may not use the inherited engine, opens its own, and its end does not disturb the parent."""
    engine, gathered = connect(), Gathered()
    engine.publish([outgoing(0)])
    engine.follow(0, gathered)
    child = os.fork()
    if not child:
        os._exit(_child(engine, wire.url))
    assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    engine.publish([outgoing(2)])
    assert [0, 1, 2] == [Envelope(one.data).event for one in gathered.wait(3, PATIENCE)]


def _child(inherited: Engine, url: str) -> int:
    try:
        inherited.bounds()
    except EngineDown:
        inherited.close()
        own = open_engine(url)
        own.publish([outgoing(1)])
        own.close()
        return 0
    return 1
