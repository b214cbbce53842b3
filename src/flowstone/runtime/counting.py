"""Counters that may be added to anywhere: in a signal handler, a destructor, beside a fork."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Hashable, Mapping
from typing import Final, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

_TOGETHER: Final = 64
_WAIT_S: Final = 0.1  # for another thread that adds up; over at once, unless that is the one we came upon


class Counting(Generic[Key]):
    """Counters by key, of this process alone: a forked child starts from zero.

    Whoever adds may have come upon the very thread that adds, so adding waits for no lock: what is added is left in
    a queue, which is added up now and then, and when somebody asks.

    Args:
        folded: Is asked under which key to count, with what was counted so far; for keys that need a bound.
    """

    def __init__(self, folded: Callable[[Key, Mapping[Key, int]], Key] | None = None) -> None:
        self._folded = folded
        self._added: deque[tuple[Key, int]] = deque()
        self._counted: dict[Key, int] = {}
        self._lock = threading.Lock()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.reset)

    def add(self, key: Key, n: int = 1) -> None:
        """Add *n* to the counter *key*."""
        self._added.append((key, n))
        if len(self._added) > _TOGETHER:
            self._add_up(0)

    def snapshot(self) -> dict[Key, int]:
        """Return a copy of all counters."""
        self._add_up(_WAIT_S)
        return dict(self._counted)

    def reset(self) -> None:
        """Start from zero."""
        self._lock = threading.Lock()
        self._added.clear()
        self._counted.clear()

    def _add_up(self, wait: float) -> None:
        lock = self._lock
        if not lock.acquire(timeout=wait):
            return  # whoever adds up takes ours, too
        try:
            while self._added:
                key, n = self._added.popleft()
                if self._folded is not None:
                    key = self._folded(key, self._counted)
                self._counted[key] = self._counted.get(key, 0) + n
        finally:
            lock.release()
