"""A log that is replaced while a subscription reads it itself: it is told, and the new one is read from its beginning."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flowstone_pubsub import Bus, Gap, Message, Subscription, open_engine
from flowstone_pubsub.engines import sqlite_file
from flowstone_pubsub.engines.sqlite_follower import SqliteFollower
from flowstone_pubsub.testing.reading import outgoing


@pytest.fixture
def make_bus(tmp_path: Path) -> Iterator[Callable[[], Bus]]:
    made: list[Bus] = []

    def making() -> Bus:
        made.append(Bus(open_engine(f"sqlite:///{tmp_path}/events.db")))
        return made[-1]

    yield making
    for one in made:
        one.close()


def replace(folder: Path, onto: Bus, count: int) -> None:
    """Delete the log under everybody, and begin another with *count* records."""
    for each in folder.glob("events.db*"):
        each.unlink()
    onto.engine.publish([outgoing(["new", n], "t") for n in range(count)])


def rest_of(subscription: Subscription) -> list[Any]:
    found: list[Any] = []
    while (item := subscription.next_item(1)) is not None:
        found.append(item.event if isinstance(item, Message) else item)
    return found


@pytest.mark.parametrize("count", [20, 1000, 4000])
def test_who_catches_up_is_told(make_bus: Callable[[], Bus], tmp_path: Path, count: int) -> None:
    """Whether the new log is shorter, or has outgrown the place that was read up to, nothing of it is missing."""
    bus = make_bus()
    bus.engine.publish([outgoing(["old", n], "t") for n in range(3000)])
    with bus.subscribe("t", since="earliest", policy="spill") as subscription:
        assert isinstance(subscription.next_item(5), Message)
        replace(tmp_path, make_bus(), count)
        found = rest_of(subscription)
        told = max(n for n, item in enumerate(found) if isinstance(item, Gap))
        assert [["new", n] for n in range(count)] == found[told + 1 :]
        assert count == subscription.position


def test_the_new_file_may_have_the_number_of_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """File systems give the number of a deleted file to the next one: a reader that had let go sees another log."""
    monkeypatch.setattr(sqlite_file, "inode_of", lambda path: int(Path(path).exists()))
    path = tmp_path / "events.db"
    delivered: list[Any] = []
    with monkeypatch.context() as still:
        still.setattr(threading.Thread, "start", lambda thread: None)  # it looks when this test says so
        follower = SqliteFollower(path, 0, delivered.extend)
    _publish(path, "old", 3)
    for _ in range(3):
        follower._look()
    follower._handle.before_fork()  # the connection is closed, and the number free
    follower._handle.after_fork_in_parent()
    for each in tmp_path.glob("events.db*"):
        each.unlink()
    _publish(path, "new", 9)
    for _ in range(3):
        follower._look()
    follower._closing.set()
    assert [1, 2, 3, Gap(4, 0, "engine"), *range(1, 10)] == [
        item if isinstance(item, Gap) else item.seq for item in delivered
    ]
    follower._work()  # which ends: it was closed


def _publish(path: Path, word: str, count: int) -> None:
    engine = open_engine(f"sqlite:///{path}")
    engine.publish([outgoing([word, n], "t") for n in range(count)])
    engine.close()


def test_who_has_spilled_is_told(make_bus: Callable[[], Bus], tmp_path: Path) -> None:
    """What had found room before comes first, then that the log was begun anew, then all of the new one."""
    bus = make_bus()
    with bus.subscribe("t", policy="spill", maxlen=8) as subscription:
        bus.engine.publish([outgoing(["old", n], "t") for n in range(100)])
        _until(lambda: bus.hub.head == 100)
        replace(tmp_path, make_bus(), 200)
        _until(lambda: bus.hub.head == 200)
        assert 0 == subscription.position
        old = [["old", n] for n in range(8)]
        assert [*old, Gap(9, 0, "engine"), *(["new", n] for n in range(200))] == rest_of(subscription)
        assert 200 == subscription.position


def test_who_has_no_room_for_being_told_is_told(make_bus: Callable[[], Bus], tmp_path: Path) -> None:
    """With the last place taken, it spills at the very gap that says so."""
    bus = make_bus()
    with bus.subscribe("t", policy="spill", maxlen=8) as subscription:
        bus.engine.publish([outgoing(["old", n], "t") for n in range(8)])
        _until(lambda: bus.hub.head == 8)
        replace(tmp_path, make_bus(), 20)
        _until(lambda: bus.hub.head == 20)
        old = [["old", n] for n in range(8)]
        assert [*old, Gap(9, 0, "engine"), *(["new", n] for n in range(20))] == rest_of(subscription)


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)
