"""The way out: callers leave what they have and go on; a thread puts it into envelopes and into the log."""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from collections.abc import Iterable
from time import monotonic, sleep
from typing import Final

from flowstone.plugin import Event, count, start_thread
from flowstone_pubsub import payloads, tally
from flowstone_pubsub.engines.base import Engine, EngineDown, Outgoing
from flowstone_pubsub.losses import Losses
from flowstone_pubsub.payloads import Entry
from flowstone_pubsub.sending import Sending
from flowstone_pubsub.topics import template_of

_LOGGER: Final = logging.getLogger("flowstone.pubsub")
LIMIT: Final = 10_000
MOST_BYTES: Final = 64 * 1024 * 1024
_BATCH: Final = 256
_BATCH_BYTES: Final = 4 * 1024 * 1024  # what is under way at the end is waited for
_AGAIN_S: Final = 0.05
_AGAIN_MOST_S: Final = 1.0
_JOIN_S: Final = (
    1.0  # what the log is taking, and being told of the rest; a file waits for the disk now and then
)
_BRISK_S: Final = 0.005
_NAP_S: Final = 0.0001  # which the kernel makes 0.16 ms of


class Outbox:
    """Entries on their way into the log of an engine, at most 10,000 of them; beyond that the oldest are dropped.

    They may have some 64 MB together while the engine fails.

    What is dropped is counted, and told in the log itself as soon as it takes something again.

    Attributes:
        failing_since: Since when the engine has refused everything (monotonic seconds); 0 while it works.
    """

    def __init__(self, engine: Engine, limit: int = LIMIT, *, spans: bool = True) -> None:
        self._engine = engine
        self._as_objects: bool = getattr(engine, "holds_objects", False)
        self._sending = Sending(wanted=spans)
        self._limit = limit
        self._waiting: deque[Entry | threading.Event] = deque()  # an event is where somebody waits
        self._batch: list[Outgoing] = []  # what the engine is to take next
        self._mark: threading.Event | None = None  # set once it has
        self._losses = Losses(engine.name)
        self._delivering = threading.Lock()
        self._bell = threading.Lock()
        self._bell.acquire()
        self._asleep = False
        self._brisk = False  # whether what comes next is expected soon
        self._hurry = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._giving_up = threading.Lock()  # taken once
        self.failing_since = 0.0

    def put(self, entry: Entry) -> None:
        """Leave one entry. This is on the caller's path: it takes a few microseconds and does not wait."""
        waiting = self._waiting
        waiting.append(entry)
        if len(waiting) > self._limit:
            self._drop()
        if self._asleep:
            self._ring()
        elif self._thread is None:
            self._start()

    def put_all(self, entries: Iterable[Entry]) -> None:
        """Leave several."""
        self._waiting.extend(entries)
        while len(self._waiting) > self._limit:
            self._drop()
        if self._asleep:
            self._ring()
        elif self._thread is None:
            self._start()

    @property
    def depth(self) -> int:
        """How many entries are on their way."""
        return len(self._waiting) + len(self._batch)

    def flush(self, timeout: float) -> bool:
        """Wait until all that was left before is in the log; tell whether it was in *timeout* seconds."""
        mark = threading.Event()
        self._waiting.append(mark)
        self._start()
        self._hurry.set()
        self._ring()
        if self._thread is not None and self._thread.is_alive():
            return mark.wait(max(timeout, 0.0))
        deadline = monotonic() + timeout  # the interpreter goes down and gives us no thread
        while not mark.is_set() and self._deliver() and monotonic() < deadline:
            pass
        return mark.is_set()

    def close(self, timeout: float) -> bool:
        """Flush, and end the thread; what could not be delivered is counted, and told as well as it can be."""
        done = self.flush(timeout)
        self._closed = True
        self._hurry.set()
        self._ring()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(_JOIN_S)
        self._give_up(tell=thread is None or not thread.is_alive())
        return done

    def _give_up(self, *, tell: bool) -> None:
        """Drop what is left, once; *tell* of it in the log, unless the thread hangs in there."""
        if not self._giving_up.acquire(blocking=False):
            return
        waiting, self._waiting = self._waiting, deque()
        batch, self._batch = self._batch, []
        left = sum(not isinstance(one, threading.Event) for one in waiting) + len(batch)
        if left:
            self._sending.lost(batch, "closed")
            self._losses.add(left)
            _LOGGER.warning("%d events were not broadcast: the log did not take them before the end", left)
        lost = self._losses.untold()
        if lost and tell:
            try:
                self._engine.publish([payloads.lost(lost)])
            except Exception:  # as well as it can be: an engine that is down, or a third party's
                count("pubsub.publish.failed")
            else:
                self._losses.told(lost)

    def _drop(self) -> None:
        try:
            oldest = self._waiting.popleft()
        except IndexError:
            return
        if not isinstance(oldest, threading.Event):  # whoever waits at one finds that it was not reached
            self._losses.drop()

    def _trim(self) -> None:
        """Drop the oldest where they are too large together; looked at while the engine fails, so that no caller has to."""
        sizes = [
            len(one[1]) if isinstance(one, tuple) and isinstance(one[1], bytes) else 0
            for one in self._waiting.copy()
        ]
        size = sum(sizes)
        for oldest in sizes:
            if size <= MOST_BYTES:
                return
            size -= oldest
            self._drop()

    def _ring(self) -> None:
        self._asleep = False
        try:
            self._bell.release()
        except RuntimeError:  # somebody else was faster
            return

    def _start(self) -> None:
        # Whoever comes upon one who starts it need not: a signal handler may have come upon this very thread.
        if not self._starting.acquire(blocking=False):
            return
        try:
            if self._thread is not None or self._closed:
                return
            # Where there are none, or the interpreter goes down, flush delivers on its own thread.
            self._thread = start_thread(self._work, "flowstone-pubsub-outbox")
        finally:
            self._starting.release()

    def _work(self) -> None:
        again = _AGAIN_S
        while not self._closed:
            if not self._deliver():
                self._trim()
                self._hurry.wait(again)
                self._hurry.clear()
                again = min(again * 2, _AGAIN_MOST_S)
                continue
            again = _AGAIN_S
            if not self._waiting and not self._nap():
                self._sleep()
        self._give_up(tell=True)

    def _nap(self) -> bool:
        """Look again and again where more is to be expected soon; tell whether it came.

        To ring is the dearest part of leaving an entry, for whoever comes while this naps need not.
        """
        until = monotonic() + _BRISK_S
        while self._brisk:
            sleep(_NAP_S)
            if self._waiting or self._closed:
                return True
            self._brisk = monotonic() < until
        return False

    def _sleep(self) -> None:
        """Wait until somebody rings."""
        since = monotonic()
        self._asleep = True
        if self._waiting or self._closed:  # it came before anybody could see that we sleep
            self._asleep = False
        else:
            self._bell.acquire()
            self._brisk = monotonic() - since < _BRISK_S

    def _deliver(self) -> bool:
        """Publish what is next; tell whether the engine took it."""
        with self._delivering:
            if not self._batch and self._mark is None:
                self._take()
            if not self._publish():
                self.failing_since = self.failing_since or monotonic()
                return False
            self.failing_since = 0.0
            mark, self._mark = self._mark, None
        if mark is not None:
            mark.set()
        return True

    def _take(self) -> None:
        """Put what waits into envelopes, up to a batch or to where somebody waits."""
        size = 0
        while len(self._batch) < _BATCH and size < _BATCH_BYTES:
            try:
                entry = self._waiting.popleft()
            except IndexError:
                return
            made: Outgoing | None
            try:
                if isinstance(entry, Event):
                    made = payloads.outgoing(entry, as_object=self._as_objects)
                elif isinstance(entry, threading.Event):
                    self._mark = entry
                    return
                else:
                    made = self._sending.begun(entry)
            except Exception:  # what is broadcast may be anything, and the others are to go out
                tally.add("refused", "unencodable")
                count("pubsub.unencodable")
            else:
                if made is not None:
                    self._batch.append(made)
                    size += len(made.data)

    def _publish(self) -> bool:
        lost = self._losses.untold()
        batch = [payloads.lost(lost), *self._batch] if lost else self._batch
        if not batch:
            return True
        try:
            self._engine.publish(batch)
        except EngineDown:
            count("pubsub.publish.failed")
            return False
        except Exception:  # an engine of a third party, or one record that it cannot take
            count("pubsub.publish.refused")
            return self._one_by_one()
        self._sent(self._batch, lost)
        self._batch = []
        return True

    def _one_by_one(self) -> bool:
        """Publish each record for itself, and lose those that the engine refuses; False where it is down."""
        while self._batch:
            try:
                self._engine.publish(self._batch[:1])
            except EngineDown:
                return False
            except Exception:  # this is the one
                self._sending.lost(self._batch[:1], "refused")
                self._losses.add(1)
            else:
                self._sent(self._batch[:1], 0)
            del self._batch[0]
        return True

    def _sent(self, batch: list[Outgoing], lost: int) -> None:
        self._losses.told(lost)
        if batch:
            self._sending.sent(batch)
            for topic, number in Counter([one.topics[-1] for one in batch]).items():
                tally.add("sent", template_of(topic), number)
            tally.add("encoded", self._engine.name, sum([len(one.data) for one in batch]))
