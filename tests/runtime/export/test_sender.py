from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import pytest

from flowstone.runtime import stats
from flowstone.runtime.export.sender import Sender


class Recorder:
    """Takes everything, unless told otherwise."""

    def __init__(self, answer: bool = True, hold: threading.Event | None = None) -> None:
        self.got: list[list[int]] = []
        self.answer, self.hold, self.closed = answer, hold, False

    def send(self, items: Sequence[int]) -> bool:
        if self.hold is not None:
            self.hold.wait(20)
        self.got.append(list(items))
        return self.answer

    def close(self) -> None:
        self.closed = True


@pytest.fixture(autouse=True)
def fresh_counters() -> None:
    stats.reset()


def test_everything_arrives_in_order_and_in_batches() -> None:
    """Items reach the receiver in order, no more than a batch at once."""
    recorder = Recorder()
    sender = Sender(lambda: recorder, batch=3, delay=0.01)
    sender.put([1, 2])
    sender.put([3, 4, 5])
    assert sender.flush(5)
    assert [1, 2, 3, 4, 5] == [item for batch in recorder.got for item in batch]
    assert 3 >= max(map(len, recorder.got))
    assert 5 == stats.snapshot()["export.sent.spans"]


def test_flush_does_not_wait_for_the_delay() -> None:
    """Flush sends at once what would else be gathered for longer."""
    sender = Sender(Recorder, delay=60)
    sender.put([1])
    began = time.monotonic()
    assert sender.flush(5)
    assert time.monotonic() - began < 2


def test_flush_says_no_once_when_the_receiver_refused() -> None:
    """A refused batch makes the next flush False and is counted; the flush after it is True again."""
    sender = Sender(lambda: Recorder(answer=False), delay=0.01)
    sender.put([1, 2])
    assert not sender.flush(5)
    assert 2 == stats.snapshot()["export.failed.spans"]
    assert sender.flush(5)


def test_flush_and_close_keep_their_time_with_a_hanging_receiver() -> None:
    """However long the receiver takes, flush and close return in time and count what is left."""
    hold = threading.Event()
    sender = Sender(lambda: Recorder(hold=hold), batch=2, delay=0.01)
    sender.put([1, 2, 3])
    began = time.monotonic()
    assert not sender.flush(0.3)
    assert not sender.close(0.3)
    assert time.monotonic() - began < 1.5
    assert 3 == stats.snapshot()["export.dropped.spans"]
    hold.set()


def test_overflow_drops_the_oldest() -> None:
    """The queue is bounded; the oldest go first, and are counted."""
    hold, recorder = threading.Event(), Recorder()
    recorder.hold = hold
    sender = Sender(lambda: recorder, batch=1, limit=3, delay=0.01)
    sender.put([0])
    time.sleep(0.2)  # the thread holds item 0 now
    sender.put([1, 2, 3, 4, 5])
    hold.set()
    assert not sender.flush(5)
    assert [[0], [3], [4], [5]] == recorder.got
    assert 2 == stats.snapshot()["export.dropped.spans"]


def test_what_comes_after_the_end_is_counted() -> None:
    """Items after close are dropped and counted, never sent to a closed receiver."""
    recorder = Recorder()
    sender = Sender(lambda: recorder, delay=0.01)
    sender.put([1])
    assert sender.close(5)
    sender.put([2])
    assert recorder.closed
    assert [[1]] == recorder.got
    assert 1 == stats.snapshot()["export.dropped.spans"]


def test_an_exporter_that_raises_has_failed() -> None:
    """An exception of an exporter is a failed export and nothing more."""

    class Raising(Recorder):
        def send(self, items: Sequence[int]) -> bool:
            raise OSError("gone")

    sender = Sender(Raising, delay=0.01)
    sender.put([1])
    assert not sender.flush(5)
    assert 1 == stats.snapshot()["export.failed.spans"]
