"""Process-wide counters of everything that went other than planned: drops, cuts, failures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flowstone.runtime.counting import Counting

_counting: Final = Counting[str]()


def count(key: str, n: int = 1) -> None:
    """Add *n* to the counter *key*, such as ``value.cut`` or ``export.failed.spans``; from anywhere, without a lock."""
    _counting.add(key, n)


def snapshot() -> Mapping[str, int]:
    """Return a copy of all counters of this process."""
    return _counting.snapshot()


def total(prefix: str) -> int:
    """Return the sum of the counters whose key begins with *prefix*."""
    return sum(n for key, n in snapshot().items() if key.startswith(prefix))


def reset() -> None:
    """Start from zero."""
    _counting.reset()
