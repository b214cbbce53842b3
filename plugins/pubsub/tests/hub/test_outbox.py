from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flowstone.testing.forked import in_child
from flowstone_pubsub import Bus, Gap, Message, current, open_engine, tally
from flowstone_pubsub.bus import Bus as AnyBus
from flowstone_pubsub.engines.base import EngineDown, Record
from flowstone_pubsub.envelope import Envelope
from flowstone_pubsub.outbox import MOST_BYTES, Outbox
from flowstone_pubsub.testing.reading import outgoing
from tests.servers.ports import free_port


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


@pytest.fixture
def bus(path: Path) -> Iterator[Bus]:
    made = Bus(open_engine(f"sqlite:///{path}"))
    yield made
    made.close()


class Blocked:
    """Another process's hold on the log: nothing can be written, all can be read."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("BEGIN IMMEDIATE")

    def end(self) -> None:
        self.connection.execute("ROLLBACK")
        self.connection.close()


def test_broadcasting_waits_for_nobody(bus: Bus, path: Path) -> None:
    """While the log cannot be written callers go on at once; all of it arrives when it can be, in order."""
    with bus.subscribe("t") as subscription:
        blocked = Blocked(path)
        began = time.monotonic()
        for n in range(2_000):
            bus.broadcast("t", n)
        assert time.monotonic() - began < 0.5
        assert not bus.flush(0.1)
        blocked.end()
        assert bus.flush(10)
        until(lambda: bus.hub.done == 2_000)
        found = [subscription.next_item(5) for _ in range(1_024)]
        assert [Gap(1, 976, "slow_consumer"), *range(976, 1_999)] == [_held(item) for item in found]


def test_what_the_outbox_drops_is_counted_and_told_to_all(path: Path) -> None:
    """Beyond its bound the oldest go; the log says so in their place, and every subscriber hears of it."""
    bus = Bus(open_engine(f"sqlite:///{path}"))
    bus.outbox = Outbox(bus.engine, limit=50)
    before = tally.total("lost")
    with bus.subscribe("other") as other, bus.subscribe("t", maxlen=500) as subscription:
        blocked = Blocked(path)
        for n in range(200):
            bus.broadcast("t", n)
        time.sleep(0.1)
        blocked.end()
        assert bus.flush(10)
        lost = tally.total("lost") - before
        assert 0 < lost <= 150
        assert "engine" == getattr(other.next_item(5), "reason", None)
        found = [subscription.next_item(5) for _ in range(201 - lost)]
        assert 1 == sum(isinstance(item, Gap) and item.reason == "engine" for item in found)
        assert list(range(200 - 50, 200)) == [_held(item) for item in found][-50:]
    bus.close()


def test_values_of_any_kind_do_no_harm(bus: Bus) -> None:
    """What is no JSON is coerced; what cannot be, is told as text; the others arrive."""
    circular: list[Any] = []
    circular.append(circular)

    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("no text")

    odd = [
        object(),
        Broken(),
        circular,
        float("nan"),
        1 << 80,
        10**5000,
        "\ud800",
        b"\xff",
        {1: 2},
        {"x": {3}},
    ]
    with bus.subscribe("t") as subscription:
        for one in [*odd, "end"]:
            bus.broadcast("t", one)
        found = [_held(subscription.next_item(5)) for _ in range(len(odd) + 1)]
    assert "end" == found[-1]
    assert {"1": 2} == found[8]


def test_what_json_has_not_takes_nothing_along(bus: Bus) -> None:
    """Beside what needs coercion, numbers that JSON has not are null, and no key is dropped."""
    odd = {
        "when": object,
        "nan": float("nan"),
        "rows": [1.5, float("-inf")],
        (1, 2): "tuple",
        b"k": "bytes",
        None: 0,
    }
    with bus.subscribe("t") as subscription:
        bus.broadcast("t", odd)
        found = _held(subscription.next_item(5))
    kept = {"nan": None, "rows": [1.5, None], "(1, 2)": "tuple", "b'k'": "bytes", "null": 0}
    assert {"when": str(object), **kept} == found


def test_secrets_do_not_leave(bus: Bus) -> None:
    """What stands under a secret's key, or looks like one, is redacted before it is in the log."""
    sent = {"db_password": "hunter2", "url": "postgres://ann:hunter2@host/db", "rows": [{"token": "hunter2"}]}
    with bus.subscribe("t") as subscription:
        bus.broadcast("t", sent)
        item = subscription.next_item(5)
    assert isinstance(item, Message)
    assert b"hunter2" not in item.data
    assert ["db_password", "url", "rows"] == list(item.event)


def test_what_is_too_large_is_cut(bus: Bus) -> None:
    """Ten megabytes do not go into the log; what arrives says that it was cut."""
    with bus.subscribe("t") as subscription:
        bus.broadcast("t", "x" * 10_000_000)
        item = subscription.next_item(10)
    assert isinstance(item, Message)
    assert "more characters cut" in item.event
    assert len(item.data) < 10_000


def test_what_waits_is_bounded_in_bytes() -> None:
    """While the log is down large payloads wait as their beginnings, and middling ones up to 64 MB; secrets are gone."""
    bus = Bus(open_engine(f"redis://127.0.0.1:{free_port()}/0"))
    for n in range(50):
        bus.broadcast("t", {"n": n, "password": "hunter2", "rows": ["x" * 100] * 20_000})
    waiting = [one for one in bus.outbox._waiting if isinstance(one, tuple)]
    assert 5_000 * len(waiting) > sum(len(one[1]) for one in waiting if isinstance(one[1], bytes))
    assert b"hunter2" not in b"".join(one[1] for one in waiting if isinstance(one[1], bytes))
    for n in range(250):
        bus.broadcast("t", [n, "x" * 500_000])
    until(lambda: bus.outbox.depth * 500_000 < MOST_BYTES + 256 * 500_000 // 16)
    bus.close(0)


def test_a_later_change_is_not_seen(bus: Bus) -> None:
    """What arrives is what was there at the moment of the broadcast."""
    sent = {"n": 1}
    with bus.subscribe("t") as subscription:
        bus.broadcast("t", sent)
        sent["n"] = 2
        assert {"n": 1} == _held(subscription.next_item(5))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.usefixtures("at_home")
def test_children_speak_and_listen_on_their_own() -> None:
    """A forked child broadcasts and subscribes by itself; what it inherited is closed; the parent goes on."""
    parent = current.bus()
    with parent.subscribe("t") as subscription:
        parent.broadcast("t", "before")
        assert "before" == _held(subscription.next_item(5))

        def work() -> None:
            assert [] == list(subscription)
            mine: AnyBus = current.bus()
            assert mine is not parent
            with mine.subscribe("t") as own:
                mine.broadcast("t", "child")
                assert "child" == _held(own.next_item(5))
            assert mine.flush(5)

        for _ in range(5):
            parent.broadcast("other", 1)
            assert "" == in_child(work)
            assert "child" == _held(subscription.next_item(5))
        parent.broadcast("t", "after")
        assert "after" == _held(subscription.next_item(5))


def test_a_log_that_is_removed_is_begun_anew(bus: Bus, path: Path) -> None:
    """Deleting the file under everybody is told as the end of one log and the beginning of another."""
    with bus.subscribe("t") as subscription:
        bus.broadcast("t", 1)
        assert 1 == _held(subscription.next_item(5))
        assert bus.flush(5)
        for each in path.parent.glob("events.db*"):
            each.unlink()
        bus.broadcast("t", 2)
        assert bus.flush(5)
        assert Gap(2, 0, "engine") == subscription.next_item(5)
        item = subscription.next_item(5)
        assert isinstance(item, Message)
        assert (1, 2) == (item.seq, item.event)


def test_a_damaged_log_is_moved_aside(path: Path) -> None:
    """A damaged file of ours is kept under another name, and a new log takes what comes."""
    first = Bus(open_engine(f"sqlite:///{path}"))
    first.broadcast("t", 0)
    assert first.close()
    rubbish = path.read_bytes()[:100] + b"\xff" * 8000
    path.write_bytes(rubbish)
    bus = Bus(open_engine(f"sqlite:///{path}"))
    bus.broadcast("t", 1)
    assert bus.flush(5)
    assert (1, 1) == bus.engine.bounds()
    assert [rubbish] == [each.read_bytes() for each in path.parent.glob("events.db.corrupt-*")]
    bus.close()


@pytest.mark.parametrize("theirs", [b"id,name\n1,anna\n" * 40, b"SQLite format 3\0" + b"\xff" * 8000])
def test_a_file_that_may_be_anothers_is_left_alone(bus: Bus, path: Path, theirs: bytes) -> None:
    """Neither who broadcasts nor who subscribes moves or changes it; who subscribes is told what to do."""
    path.write_bytes(theirs)
    bus.broadcast("t", 1)
    assert not bus.flush(0.5)
    with pytest.raises(EngineDown):
        bus.subscribe("t")
    with pytest.raises(EngineDown, match="left as it is"):
        bus.engine.publish([outgoing(1)])
    assert theirs == path.read_bytes()
    assert {"events.db"} == {each.name for each in path.parent.iterdir()} - {"bells"}


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _held(item: Any) -> Any:
    return item.event if isinstance(item, Message) else item


def test_what_the_end_leaves_is_told(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What cannot be flushed in the time of the end is counted, stands in the log as lost, and is said once."""
    bus, other = Bus(open_engine(f"sqlite:///{path}")), Bus(open_engine(f"sqlite:///{path}"))
    before = tally.total("lost")
    with other.subscribe("t", policy="spill") as subscription:
        for n in range(3_000):
            bus.broadcast("t", ["x" * 20_000, n])
        assert not bus.close(0)
        arrived = 0
        while isinstance(item := subscription.next_item(5), Message):
            assert arrived == item.event[1]
            arrived += 1
    lost = 3_000 - arrived
    assert 0 < lost == tally.total("lost") - before
    assert isinstance(item, Gap)
    assert "engine" == item.reason
    [record] = other.engine.read(item.first - 1, 2)
    assert isinstance(record, Record)
    assert {"count": lost} == Envelope(record.data).parsed["data"]["attributes"]
    assert [f"{lost} events were not broadcast: the log did not take them before the end"] == caplog.messages
    other.close()


def test_an_end_without_a_log_is_no_long_one(caplog: pytest.LogCaptureFixture) -> None:
    """With no log to tell it to, what is left is counted and said, and the end comes within its bound."""
    bus = Bus(open_engine(f"redis://127.0.0.1:{free_port()}/0"))
    before = tally.total("lost")
    for n in range(10):
        bus.broadcast("t", n)
    began = time.monotonic()
    assert not bus.close(0.2)
    assert time.monotonic() - began < 3
    assert 10 == tally.total("lost") - before
    assert 1 == len(caplog.messages)
