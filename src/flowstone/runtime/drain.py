"""The drain: a background thread that turns records into events and delivers them in small chunks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic, thread_time
from typing import Final

from flowstone.catalogue.event import Event
from flowstone.dispatch import contention
from flowstone.runtime import lane, threads
from flowstone.runtime.control import Control
from flowstone.runtime.delivery import Busy, Delivery
from flowstone.runtime.stats import count

PERIOD_S: Final = 0.075  # of the 100 ms in which a start must be out; each round wakes up cold
CHUNK: Final = 64
BUSY: Final = 16  # records a round from which on the next one comes without being called
HUNG_AFTER_S: Final = 0.6
_STOP_S: Final = 1.0
_TRY_AGAIN_S: Final = 1.0  # where no thread can be started; each try costs the caller


class Drain:
    """One worker at a time; a hung one is left behind and another goes on.

    Args:
        delivery: Where events go.
        on_loss: Called when records were lost since the last round.
    """

    def __init__(self, delivery: Delivery, on_loss: Callable[[], object]) -> None:
        self.delivery = delivery
        self.hold = delivery.hold
        self._on_loss = on_loss
        self._lost = lane.state.lost
        self.gate = threading.Lock()  # held while a chunk is on its way; a fork waits for it
        self._bell = threading.Event()
        self._hurry = threading.Event()
        self._generation = 0
        self._starting = threading.Lock()
        self._try_from = 0.0
        self._worker: threading.Thread | None = None
        self._minder: threading.Thread | None = None
        self._pumping: threading.Thread | None = None
        self._stopped = False
        self.longest_chunk = 0.0

    def ring(self) -> None:
        """Wake the worker; start it if there is none.

        Where no thread can be started records wait, up to the bound, for a later try or for a flush.
        """
        if threads.is_finalizing():
            return  # nobody is left to hear it
        lane.state.limit = lane.BOUND
        if (self._worker is None or self._minder is None) and not self._stopped:
            self._start()
            if self._worker is None:
                lane.state.limit = 0  # whoever comes next tries again
        self._bell.set()

    def reach(self, control: Control, timeout: float) -> bool:
        """Queue *control* and wait until the drain reaches it; return whether it did in time."""
        lane.append(control)
        if threads.is_finalizing():
            return False
        if self._stopped or not self._alive():
            self.pump(timeout)
        else:
            self._hurry.set()
            self.ring()
        return control.done.wait(timeout)

    def queue(self, control: Control) -> None:
        """Queue *control* without waiting for it."""
        lane.append(control)
        self.ring()

    def is_alive(self) -> bool:
        """Tell whether the worker lives, or was not needed yet; starts none."""
        return self._worker is None or self._worker.is_alive() or self._stopped

    def is_this_thread(self) -> bool:
        """Tell whether the caller is the drain itself."""
        return threading.current_thread() in {self._worker, self._pumping}

    def pump(self, timeout: float) -> None:
        """Drain on the calling thread: only where no worker can run."""
        deadline = monotonic() + timeout
        if self.gate.acquire(timeout=max(timeout, 0)):
            self._pumping = threading.current_thread()
            self.hold.begin(hurried=True)
            try:
                while lane.records and monotonic() < deadline:
                    self._chunk()
            except Exception:  # the caller's code must not end of a mistake of ours
                count("drain.failed")
            finally:
                self._pumping = None
                self.gate.release()

    def stop(self) -> None:
        """Let the worker end; what comes later is drained by ``pump``."""
        self._stopped = True
        self._generation += 1
        self._bell.set()
        if self._worker is not None and not self.is_this_thread():
            self._worker.join(_STOP_S)

    def _alive(self) -> bool:
        if self._worker is None:
            self._start()
        return self._worker is not None and self._worker.is_alive()

    def _start(self) -> None:
        with self._starting:
            if monotonic() < self._try_from:
                return
            if self._worker is None:
                self._worker = threads.start(self._work, "flowstone-drain", self._generation)
            if self._minder is None and self._worker is not None:
                self._minder = threads.start(self._mind, "flowstone-minder")
            if self._minder is None:
                self._try_from = monotonic() + _TRY_AGAIN_S

    def _work(self, generation: int, *, take_over: bool = False) -> None:
        if take_over:  # the gate came with the batch
            self.delivery.go_on()
            if generation != self._generation:
                return
            self.gate.release()
        while generation == self._generation:
            self._bell.wait()
            lane.state.limit = lane.BOUND
            while self._round(generation) >= BUSY:
                pass  # more is to be expected: to sleep on the bell would cost caller and worker a wake-up each
            if generation != self._generation:
                return  # the lane is another's by now
            self._bell.clear()
            lane.state.limit = 0
            if lane.records:
                self.ring()

    def _round(self, generation: int) -> int:
        """Wait for a period, or until somebody is in a hurry, and work off what is there; return how much it was."""
        if not self._hurry.is_set():
            self._hurry.wait(PERIOD_S)
        hurried = self._hurry.is_set()
        self._hurry.clear()
        found = left = len(
            lane.records
        )  # what comes meanwhile is for the next round, or there were no rounds
        self.hold.begin(hurried=hurried)
        while left > 0 and lane.records and generation == self._generation:
            left -= CHUNK
            self._step(generation, last=left <= 0)
        if generation != self._generation:
            return 0
        if lane.state.lost != self._lost:
            self._lost = lane.state.lost
            self._on_loss()
        return found

    def _step(self, generation: int, *, last: bool) -> None:
        self.gate.acquire()
        try:
            self._chunk(last=last)
        except Exception:  # the worker must not end of a mistake of ours
            count("drain.failed")
        finally:
            if generation == self._generation:  # else the gate is with who took over
                self.gate.release()

    def _chunk(self, *, last: bool = True) -> None:
        """Render and deliver up to 64 records, or up to the first control among them.

        Args:
            last: Whether the drain pauses afterwards, so that listeners have to settle.
        """
        started = thread_time()
        events: list[Event] = []
        control: Control | None = None
        for _ in range(CHUNK):
            try:
                record = lane.records.popleft()
            except IndexError:
                break
            if type(record) is Control:
                control = record
                break
            try:
                record.render(events)  # type: ignore[attr-defined]
            except Exception:  # a record that cannot be rendered must not stop the others
                count("event.unrenderable")
        if events or last or control is not None:
            self.delivery.deliver(events, control, settle=last or control is not None)
        self.longest_chunk = max(self.longest_chunk, thread_time() - started)

    def _mind(self) -> None:
        """Watch for a worker that is hung in a plugin, and replace it."""
        while not self._stopped:
            self._bell.wait()
            contention.doze(HUNG_AFTER_S / 3)
            busy = self.delivery.busy
            if busy is None or not busy.is_overrun(HUNG_AFTER_S):
                continue
            if not self._replace(busy):
                return

    def _replace(self, busy: Busy) -> bool:
        """Let another worker go on; return False where this thread had to become it, and has ended as it."""
        self._generation += 1  # before the worker can come back
        if not self.delivery.leave_behind(busy):
            self._generation -= 1
            return True
        count("drain.replaced")
        thread = threads.start(self._work, "flowstone-drain", self._generation, take_over=True)
        if thread is None:  # another minder is started when that is possible again
            self._worker, self._minder = threading.current_thread(), None
            self._work(self._generation, take_over=True)
            return False
        self._worker = thread
        return True
