"""A clock that tests move."""

from __future__ import annotations

import threading
import time
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Final, Self

from flowstone.testing.seams import replaced

START: Final = 1_735_689_600_000_000_000
"""2025-01-01T00:00:00Z in Unix nanoseconds."""


class StepClock:
    """The Unix and the monotonic clock of flowstone's callers, moved by *step* with each reading.

    As a context manager it takes the place of the real ones, for all operations and events of the
    process. The two show the same passing time, so that durations are as predictable as moments.

    Args:
        start: Unix nanoseconds of the first reading.
        step: Nanoseconds that each reading takes; 0 for a clock that only ``advance`` moves.
    """

    def __init__(self, start: int = START, step: int = 1_000_000) -> None:
        self.start = start
        self.step = step
        self._passed = 0
        self._lock = threading.Lock()
        self._block: AbstractContextManager[None] | None = None

    def time_ns(self) -> int:
        """Return the Unix time in nanoseconds, and let a step pass."""
        return self.start + self._tick()

    def perf_counter_ns(self) -> int:
        """Return the nanoseconds passed since the start, and let a step pass."""
        return self._tick()

    def thread_time_ns(self) -> int:
        """Return 0: by this clock no code uses CPU time."""
        return 0

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass."""
        with self._lock:
            self._passed += round(seconds * 1_000_000_000)

    def _tick(self) -> int:
        with self._lock:
            now = self._passed
            self._passed += self.step
        return now

    def __enter__(self) -> Self:
        self._block = replaced(
            {
                "time_ns": (time.time_ns, self.time_ns),
                "perf_counter_ns": (time.perf_counter_ns, self.perf_counter_ns),
                "thread_time_ns": (time.thread_time_ns, self.thread_time_ns),
            }
        )
        self._block.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._block is not None:
            self._block.__exit__(kind, error, traceback)
            self._block = None
