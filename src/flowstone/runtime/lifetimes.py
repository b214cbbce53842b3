"""When processes end and fork: flush points, and a fresh start in children."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable
from time import monotonic
from typing import Final

EXIT_BUDGET_S: Final = 4.0  # of the 5 s that law 1 allows for the whole exit

_watched_pid = 0
_deadlines: dict[int, float] = {}  # by pid


def time_to_exit() -> float:
    """Return the seconds that are left of this process's budget for its exit, which begins with the first call.

    Children of multiprocessing come here twice: by their finalizer, and by atexit.
    """
    deadline = _deadlines.setdefault(os.getpid(), monotonic() + EXIT_BUDGET_S)
    return max(deadline - monotonic(), 0.0)


def watch(at_exit: Callable[[], None]) -> None:
    """Call *at_exit* when this process ends: at exit, and at the end of a multiprocessing child."""
    global _watched_pid
    if _watched_pid == os.getpid():
        return
    _watched_pid = os.getpid()
    atexit.unregister(at_exit)  # a forked child has the parent's
    atexit.register(at_exit)
    process = sys.modules.get("multiprocessing.process")
    if process is not None and process.parent_process() is not None:
        # Children of multiprocessing leave by os._exit, after their finalizers.
        from multiprocessing.util import Finalize

        Finalize(None, at_exit, exitpriority=100)
