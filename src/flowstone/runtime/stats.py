"""Process-wide counters of everything that went other than planned: drops, cuts, failures."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Mapping
from typing import Final

# Counting runs anywhere, in a signal handler or a destructor too, which may have come upon this very thread while it
# counts: it waits for no lock. What is counted is left in a queue, and added up now and then, and when somebody asks.
_TOGETHER: Final = 64
_WAIT_S: Final = 0.1  # for another thread that adds up; over at once, unless that is the one we came upon
_lock = threading.Lock()
_counted: Final[deque[tuple[str, int]]] = deque()
_counters: Final[dict[str, int]] = {}


def count(key: str, n: int = 1) -> None:
    """Add *n* to the counter *key*, such as ``value.cut`` or ``export.failed.spans``."""
    _counted.append((key, n))
    if len(_counted) > _TOGETHER:
        _add_up(0)


def _add_up(wait: float) -> None:
    lock = _lock
    if not lock.acquire(timeout=wait):
        return  # whoever adds up takes ours, too
    try:
        while _counted:
            key, n = _counted.popleft()
            _counters[key] = _counters.get(key, 0) + n
    finally:
        lock.release()


def snapshot() -> Mapping[str, int]:
    """Return a copy of all counters of this process."""
    _add_up(_WAIT_S)
    return dict(_counters)


def total(prefix: str) -> int:
    """Return the sum of the counters whose key begins with *prefix*."""
    return sum(n for key, n in snapshot().items() if key.startswith(prefix))


def reset() -> None:
    """Start from zero: a forked child has lost nothing yet."""
    global _lock
    _lock = threading.Lock()
    _counted.clear()
    _counters.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=reset)
