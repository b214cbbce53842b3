"""What this process has sent, got, dropped and missed so far, by the few words that metrics are labelled with."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Mapping
from typing import Final, Literal

Kind = Literal["sent", "consumed", "dropped", "gaps", "lost", "refused", "encoded"]

# Adding is on the caller's path, and so in signal handlers and destructors that come upon it: it waits for no lock.
_TOGETHER: Final = 64
_WAIT_S: Final = 0.1  # for another thread that adds up
_lock = threading.Lock()
_added: Final[deque[tuple[Kind, str, int]]] = deque()
_counted: Final[dict[Kind, dict[str, int]]] = {}
_MOST_LABELS: Final = 64
_OTHER: Final = "other"


def add(kind: Kind, label: str, n: int = 1) -> None:
    """Add *n* to what was counted of *kind* under *label*; too many labels become one, ``other``."""
    _added.append((kind, label, n))
    if len(_added) > _TOGETHER:
        _add_up(0)


def _add_up(wait: float) -> None:
    lock = _lock
    if not lock.acquire(timeout=wait):
        return  # whoever adds up takes ours, too
    try:
        while _added:
            kind, label, n = _added.popleft()
            found = _counted.setdefault(kind, {})
            if label not in found and len(found) >= _MOST_LABELS:
                label = _OTHER
            found[label] = found.get(label, 0) + n
    finally:
        lock.release()


def of(kind: Kind) -> Mapping[str, int]:
    """Return what was counted of *kind*, by label."""
    _add_up(_WAIT_S)
    return dict(_counted.get(kind, {}))


def total(kind: Kind) -> int:
    """Return what was counted of *kind* in all."""
    return sum(of(kind).values())


def _begin_anew() -> None:
    """Start from zero: a forked child has sent nothing yet."""
    global _lock
    _lock = threading.Lock()
    _added.clear()
    _counted.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
