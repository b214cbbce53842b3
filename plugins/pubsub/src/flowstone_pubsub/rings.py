"""What waits for a subscriber, bounded; what becomes of it when the subscriber does not keep up."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Protocol

from flowstone_pubsub.message import Gap, Message

Item = Message | Gap


class Ring(Protocol):
    """A bounded queue of items in the order of the log. Not safe for threads: its mailbox is."""

    def put(self, items: Sequence[Item]) -> int:
        """Take items over; return how many of them found no place and are not accounted for by a gap."""
        ...

    def take(self, limit: int) -> list[Item]:
        """Return what came first, a ``Gap`` where something was dropped."""
        ...

    def first(self) -> int | None:
        """Return the first seq that ``take`` would tell of; None where nothing waits."""
        ...

    @property
    def dropped(self) -> int:
        """How many messages were dropped, or replaced, so far."""
        ...

    def __len__(self) -> int: ...


def first_of(item: Item) -> int:
    """Return the first seq that an item tells of."""
    return item.first if isinstance(item, Gap) else item.seq


def last_of(item: Item) -> int:
    """Return the last seq that an item tells of."""
    return item.last if isinstance(item, Gap) else item.seq


class KeepAll:
    """Takes what has room; the rest is the mailbox's to decide about (``disconnect``, ``spill``)."""

    def __init__(self, maxlen: int) -> None:
        self._maxlen = maxlen
        self._items: deque[Item] = deque()
        self.dropped = 0

    def put(self, items: Sequence[Item]) -> int:
        """Take items over while there is room."""
        room = self._maxlen - len(self._items)
        if len(items) <= room:
            self._items.extend(items)
            return 0
        self._items.extend(items[:room])
        return len(items) - room

    def take(self, limit: int) -> list[Item]:
        """Return the oldest."""
        return _taken(self._items, limit)

    def first(self) -> int | None:
        """Return the first seq."""
        return first_of(self._items[0]) if self._items else None

    def __len__(self) -> int:
        return len(self._items)


class DropOldest:
    """Keeps the newest: what a live view wants."""

    def __init__(self, maxlen: int) -> None:
        self._maxlen = maxlen
        self._items: deque[Item] = deque()
        self._lost: tuple[int, int] | None = None
        self.dropped = 0

    def put(self, items: Sequence[Item]) -> int:
        """Take items over; the oldest make room."""
        mine = self._items
        mine.extend(items)
        over = len(mine) - self._maxlen
        if over > 0:
            gone = [mine.popleft() for _ in range(over)]
            first = first_of(gone[0]) if self._lost is None else self._lost[0]
            self._lost = first, last_of(gone[-1])
            self.dropped += over - [*map(type, gone)].count(Gap)
        return 0

    def take(self, limit: int) -> list[Item]:
        """Return the gap of what was dropped, then the oldest that are left."""
        if self._lost is None:
            return _taken(self._items, limit)
        gap = Gap(*self._lost, "slow_consumer")
        self._lost = None
        return [gap, *_taken(self._items, limit)]

    def first(self) -> int | None:
        """Return the first seq."""
        if self._lost is not None:
            return self._lost[0]
        return first_of(self._items[0]) if self._items else None

    def __len__(self) -> int:
        return len(self._items) + (self._lost is not None)


class DropNewest:
    """Keeps the oldest: what a report of how it began wants."""

    def __init__(self, maxlen: int) -> None:
        self._maxlen = maxlen
        self._items: deque[Item] = deque()
        self._lost: tuple[int, int] | None = None  # behind the last item
        self.dropped = 0

    def put(self, items: Sequence[Item]) -> int:
        """Take items over while there is room; then none until there is room again, and a gap in between."""
        if (
            self._lost is not None and len(self._items) + 2 <= self._maxlen
        ):  # room for the gap and one behind it
            self._items.append(Gap(*self._lost, "slow_consumer"))
            self._lost = None
        room = self._maxlen - len(self._items) if self._lost is None else 0
        self._items.extend(items[:room] if room < len(items) else items)
        for item in items[room:]:
            first = first_of(item) if self._lost is None else self._lost[0]
            self._lost = first, last_of(item)
            self.dropped += isinstance(item, Message)
        return 0

    def take(self, limit: int) -> list[Item]:
        """Return the oldest, and behind the last one the gap of what was dropped."""
        taken = _taken(self._items, limit)
        if not self._items and self._lost is not None:
            taken.append(Gap(*self._lost, "slow_consumer"))
            self._lost = None
        return taken

    def first(self) -> int | None:
        """Return the first seq."""
        if self._items:
            return first_of(self._items[0])
        return None if self._lost is None else self._lost[0]

    def __len__(self) -> int:
        return len(self._items) + (self._lost is not None)


def _taken(items: deque[Item], limit: int) -> list[Item]:
    if len(items) <= limit:
        taken = list(items)
        items.clear()
        return taken
    return [items.popleft() for _ in range(limit)]
