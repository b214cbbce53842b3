"""Fork: the drain is at rest while a process forks, and the child starts anew."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Final

from flowstone.runtime import lane
from flowstone.runtime.attention import attention

_GATE_TIMEOUT_S: Final = 1.0
_held: list[threading.Lock] = []


def arm(gate: Callable[[], threading.Lock | None], reborn: Callable[[], None]) -> None:
    """Be ready for forks. To be called once in a process tree.

    Args:
        gate: Returns the lock that the drain holds while a chunk is on its way.
        reborn: Called in the child: what it finds is its parent's.
    """

    def before() -> None:
        # A lock that is held inside a plugin or a library at the fork stays locked in the child.
        found = gate()
        if found is not None and found.acquire(timeout=_GATE_TIMEOUT_S):
            _held.append(found)

    def after_in_parent() -> None:
        while _held:
            _held.pop().release()

    def after_in_child() -> None:
        _held.clear()
        attention.epoch += 1
        lane.records.clear()
        reborn()

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=before, after_in_parent=after_in_parent, after_in_child=after_in_child)
