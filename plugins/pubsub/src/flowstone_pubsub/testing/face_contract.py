"""The contract of subscribing over an engine: who gets what, and what is told where something is missing."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from time import sleep, time_ns
from typing import Any, ClassVar, Final

import pytest

from flowstone.plugin import MaterializationStop
from flowstone_pubsub.bus import Bus
from flowstone_pubsub.engines.base import Retention
from flowstone_pubsub.engines.opening import open_engine
from flowstone_pubsub.message import Gap, Message
from flowstone_pubsub.rings import Item
from flowstone_pubsub.subscription import Subscription
from flowstone_pubsub.testing.reading import outgoing

_FOLLOW: Final = """
import sys
from flowstone_pubsub.bus import Bus
from flowstone_pubsub.engines.opening import open_engine
bus = Bus(open_engine(sys.argv[1]))
with bus.subscribe("numbers", since=0) as subscription:
    for n in range(int(sys.argv[2])):
        message = subscription.next_item(20)
        print(message.seq, message.event, flush=True)
bus.close()
"""


class FaceContract:
    """What subscribing over an engine promises; see ``PubSubContract``."""

    over_processes: ClassVar[bool] = True
    patience: ClassVar[float] = 10.0

    @pytest.fixture
    def make_bus(self, url: str) -> Iterator[Callable[..., Bus]]:
        """Makes buses on the log; they are closed after the test."""
        made: list[Bus] = []

        def making(retention: Retention | None = None) -> Bus:
            made.append(Bus(open_engine(url, retention)))
            return made[-1]

        yield making
        for one in made:
            one.close(self.patience)

    @pytest.fixture
    def bus(self, make_bus: Callable[..., Bus]) -> Bus:
        """A bus on an empty log."""
        return make_bus()

    def events(self, subscription: Subscription, count: int) -> list[Any]:
        """Return what *count* items of *subscription* hold, each waited for."""
        return [_held(subscription.next_item(self.patience)) for _ in range(count)]

    def test_every_subscriber_of_a_topic_gets_it_and_no_other(self, bus: Bus) -> None:
        """What is broadcast reaches all who subscribed to the topic, and nobody else."""
        with bus.subscribe("a") as first, bus.subscribe("a") as second, bus.subscribe("b") as other:
            bus.broadcast("a", {"n": 1})
            bus.broadcast("b", "end")
            assert [{"n": 1}] == self.events(first, 1)
            assert [{"n": 1}] == self.events(second, 1)
            assert ["end"] == self.events(other, 1)
            assert first.next_item(0.05) is None

    def test_over_two_buses(self, make_bus: Callable[..., Bus]) -> None:
        """It reaches those who listen at another bus on the same log."""
        with make_bus().subscribe("a") as subscription:
            make_bus().broadcast("a", ["from", "there"])
            assert [["from", "there"]] == self.events(subscription, 1)

    @pytest.mark.parametrize("sent", [{"a": [1, {"b": None}]}, "text", ["l"], 7, 1.5, True, None, {}, ""])
    def test_what_was_sent_comes_back(self, bus: Bus, sent: Any) -> None:
        """JSON of any kind arrives equal to what was sent."""
        with bus.subscribe("a") as subscription:
            bus.broadcast("a", sent)
            assert [sent] == self.events(subscription, 1)

    def test_events_come_back(self, bus: Bus) -> None:
        """A flowstone event arrives equal to what was sent, whatever it is broadcast to, and as often as it is."""
        event = MaterializationStop(
            id="0" * 31 + "1", time=1_700_000_000_000_000_001, run_id="r", asset="a", attributes={"x": (1, 2)}
        )
        with bus.subscribe("a", "b") as subscription:
            for topic in ("a", "b", "a"):
                bus.broadcast(topic, event)
            found = [subscription.next_item(self.patience) for _ in range(3)]
            assert [event] * 3 == [_held(item) for item in found]
            assert 3 == len({item.id for item in found if isinstance(item, Message)})

    def test_wildcards(self, bus: Bus) -> None:
        """``prefix:*`` covers what begins with the prefix, ``*`` everything; both in the order of the log."""
        with bus.subscribe("asset:*") as assets, bus.subscribe("*") as everything:
            for topic in ("asset:a", "run:1", "asset:a:b", "assets", "asset:*x"):
                bus.broadcast(topic, topic)
            assert ["asset:a", "asset:a:b", "asset:*x"] == self.events(assets, 3)
            assert ["asset:a", "run:1", "asset:a:b", "assets", "asset:*x"] == self.events(everything, 5)

    def test_an_event_on_several_topics_comes_once(self, bus: Bus) -> None:
        """Who asked for several of an event's topics gets it once, under the first of them."""
        event = MaterializationStop(id="2" * 32, time=1, run_id="r", asset="a")
        with bus.subscribe("run:*", "asset:a", "materializations") as subscription:
            bus.outbox.put(event)
            bus.broadcast("run:x", "end")
            found = [subscription.next_item(self.patience) for _ in range(2)]
        assert [("materializations", event), ("run:x", "end")] == [
            (item.topic, item.event) for item in found if isinstance(item, Message)
        ]

    def test_since_a_place_goes_on_there(self, bus: Bus) -> None:
        """Who comes back with its position gets what is behind it and what comes, once each."""
        with bus.subscribe("numbers") as subscription:
            for n in range(10):
                bus.broadcast("numbers", n)
            assert list(range(4)) == self.events(subscription, 4)
            position = subscription.position
        with bus.subscribe("numbers", since=position) as again:
            for n in range(10, 300):
                bus.broadcast("numbers", n)
            assert list(range(4, 300)) == self.events(again, 296)
        for since in (0, "earliest", timedelta(hours=1)):
            with bus.subscribe("numbers", since=since) as whole:
                assert list(range(300)) == self.events(whole, 300)

    def test_since_an_age_goes_by_when_it_was_added(self, bus: Bus) -> None:
        """What a host whose clock is late has published just now is among the newest, as is all that came with it."""
        if not hasattr(bus.engine, "before"):
            pytest.skip("this engine does not say when records were added")
        bus.engine.publish([outgoing("old", "numbers")])
        sleep(4)
        late = 3_600_000_000_000
        bus.engine.publish([outgoing(n, "numbers", at=time_ns() - (n % 3) * late) for n in range(200)])
        for since in (timedelta(seconds=0.5), datetime.now(UTC) - timedelta(seconds=0.5)):
            with bus.subscribe("numbers", since=since) as subscription:
                assert [0] == self.events(subscription, 1)
                assert list(range(1, 200)) == self.events(subscription, 199)
        with bus.subscribe("numbers", since=timedelta(hours=1)) as subscription:
            assert ["old", *range(200)] == self.events(subscription, 201)

    def test_the_position_counts_what_was_not_asked_for(self, bus: Bus) -> None:
        """The position moves on while others are spoken to: silence means that there was nothing."""
        with bus.subscribe("mine") as subscription, bus.subscribe("*") as all_of_it:
            bus.broadcast("mine", 1)
            for n in range(20):
                bus.broadcast("others", n)
            self.events(subscription, 1)
            self.events(all_of_it, 21)
            assert 21 == subscription.position

    def test_tasks_listen_too(self, bus: Bus) -> None:
        """``async for`` gets what ``for`` gets, for many tasks at once, replayed or live."""

        async def listen(since: int | None) -> list[Any]:
            async with bus.subscribe("numbers", since=since) as subscription:
                found: list[Any] = []
                async for item in subscription:
                    found.append(_held(item))
                    if len(found) == 50:
                        break
                return found

        async def listening() -> list[list[Any]]:
            tasks = [asyncio.create_task(listen(since)) for since in (None, 0, None, 0)]
            await asyncio.sleep(0.1)
            for n in range(50):
                bus.broadcast("numbers", n)
            return await asyncio.wait_for(asyncio.gather(*tasks), 2 * self.patience)

        assert [list(range(50))] * 4 == asyncio.run(listening())

    def test_a_close_ends_the_iteration(self, bus: Bus) -> None:
        """Closing from another thread ends a loop that waits."""
        subscription = bus.subscribe("a")
        threading.Timer(0.1, subscription.close).start()
        assert [] == list(subscription)
        assert subscription.closed
        assert 0 == bus.subscribers("a")

    def test_who_is_told_of(self, bus: Bus) -> None:
        """The topics and the number of subscribers of this process are known."""
        with bus.subscribe("a", "asset:*"), bus.subscribe("*"):
            assert ["*", "a", "asset:*"] == bus.topics()
            assert (2, 1, 2) == tuple(bus.subscribers(topic) for topic in ("a", "b", "asset:x"))
        assert [] == bus.topics()

    def test_spilling_loses_nothing(self, bus: Bus) -> None:
        """A slow subscriber that spills reads on from the log: everything, once, in order, and then live."""
        with bus.subscribe("numbers", policy="spill", maxlen=8) as subscription:
            for n in range(400):
                bus.broadcast("numbers", n)
            assert bus.flush(self.patience)
            assert list(range(400)) == self.events(subscription, 400)
            bus.broadcast("numbers", "live")
            assert ["live"] == self.events(subscription, 1)

    def test_what_retention_took_is_told_to_the_subscriber(self, make_bus: Callable[..., Bus]) -> None:
        """Who wants what is no longer kept gets a gap first, then everything that is."""
        bus = make_bus(Retention(records=50))
        for n in range(1500):
            bus.broadcast("numbers", n)
            if n % 50 == 49:
                assert bus.flush(self.patience)
        with bus.subscribe("numbers", since=0) as subscription:
            gap = subscription.next_item(self.patience)
            assert isinstance(gap, Gap)
            assert (1, "retention") == (gap.first, gap.reason)
            assert 1 < gap.last < 1500
            rest = self.events(subscription, 1500 - gap.last)
            assert list(range(gap.last, 1500)) == rest

    def test_another_process_hears_everything(self, bus: Bus, url: str) -> None:
        """A subscriber in another process gets all messages in order."""
        if not self.over_processes:
            pytest.skip("other processes do not see this log")
        command = [sys.executable, "-c", _FOLLOW, url, "100"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:  # noqa: S603
            for n in range(100):
                bus.broadcast("numbers", n)
            told, _ = child.communicate(timeout=60)
        assert [f"{n + 1} {n}" for n in range(100)] == told.splitlines()


def _held(item: Item | None) -> Any:
    return item.event if isinstance(item, Message) else item
