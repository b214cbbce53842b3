"""Locks that know their thread: a signal handler or a destructor may come while it holds one, and must not wait.

They are taken by ``with``, or inside of a ``try`` whose ``finally`` is ``free``: an exception that a signal handler
raises comes between any two steps, so that no variable can be trusted to say whether a lock was taken.
"""

from __future__ import annotations

import threading
from typing import Any

make = threading.RLock
"""Makes one; taken a second time by its thread it lets it pass, so ask ``is_mine`` first where that matters."""


def is_mine(lock: Any) -> bool:
    """Tell whether this thread holds *lock*; what ``threading.Condition`` asks its locks too."""
    mine: bool = lock._is_owned()
    return mine


def free(lock: Any) -> None:
    """Let go of *lock* where this thread holds it, however often."""
    is_owned = lock._is_owned
    while is_owned():
        lock.release()
