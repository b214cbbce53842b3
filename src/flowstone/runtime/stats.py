"""Process-wide counters of everything that went other than planned: drops, cuts, failures."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Mapping

_lock = threading.Lock()
_counters: Counter[str] = Counter()


def count(key: str, n: int = 1) -> None:
    """Add *n* to the counter *key*, such as ``value.cut`` or ``export.failed.spans``."""
    with _lock:
        _counters[key] += n


def snapshot() -> Mapping[str, int]:
    """Return a copy of all counters of this process."""
    with _lock:
        return dict(_counters)


def total(prefix: str) -> int:
    """Return the sum of the counters whose key begins with *prefix*."""
    with _lock:
        return sum(n for key, n in _counters.items() if key.startswith(prefix))


def reset() -> None:
    """Start from zero: a forked child has lost nothing yet."""
    global _lock
    _lock = threading.Lock()
    _counters.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=reset)
