"""The lane from callers to the drain: one bounded queue, and the bell that wakes the drain.

Callers only append. ``state.limit`` is 0 while the drain sleeps, so that the first append after a
pause rings; otherwise it is the bound, so that one comparison serves both.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from flowstone.runtime.stats import count

BOUND: Final = 65_536


class Record(Protocol):
    """What callers leave behind."""

    def dropped(self) -> str:
        """Return the name of the event that is lost when this record is."""
        ...


records: deque[Record] = deque()
append: Final = records.append  # never replaced: callers bind it once


class _State:
    __slots__ = ("bell", "limit", "lost")

    def __init__(self) -> None:
        self.limit = 0
        self.lost = 0
        self.bell: Callable[[], bool | None] | None = None


state: Final = _State()


def leave(record: Record) -> None:
    """Queue *record*. The caller's hot path has the same three lines written out."""
    append(record)
    if len(records) > state.limit:
        attend()


def attend() -> bool:
    """Wake the drain, and make room where the queue is full: the oldest pairs go, counted by event.

    Returns:
        Whether that took its time: in a forked child there is no drain yet, and no plugins.
    """
    while len(records) > BOUND:
        for _ in range(2):
            try:
                oldest = records.popleft()
            except IndexError:
                break
            state.lost += 1
            count(f"event.dropped.{oldest.dropped()}")
    return state.bell is not None and state.bell() is True
