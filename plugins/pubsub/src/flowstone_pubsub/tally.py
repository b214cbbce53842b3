"""What this process has sent, got, dropped and missed so far, by the few words that metrics are labelled with."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Mapping
from typing import Final, Literal

Kind = Literal["sent", "consumed", "dropped", "gaps", "lost", "refused", "encoded"]

_lock = threading.Lock()
_counted: Final[dict[str, Counter[str]]] = {}
_MOST_LABELS: Final = 64
_OTHER: Final = "other"


def add(kind: Kind, label: str, n: int = 1) -> None:
    """Add *n* to what was counted of *kind* under *label*; too many labels become one, ``other``."""
    with _lock:
        counter = _counted.setdefault(kind, Counter())
        counter[label if label in counter or len(counter) < _MOST_LABELS else _OTHER] += n


def of(kind: Kind) -> Mapping[str, int]:
    """Return what was counted of *kind*, by label."""
    with _lock:
        return dict(_counted.get(kind, {}))


def total(kind: Kind) -> int:
    """Return what was counted of *kind* in all."""
    return sum(of(kind).values())


def _begin_anew() -> None:
    """Start from zero: a forked child has sent nothing yet."""
    global _lock
    _lock = threading.Lock()
    _counted.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
