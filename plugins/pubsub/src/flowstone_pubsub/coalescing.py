"""The policy ``coalesce``: of each key only the newest message waits."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Hashable, Sequence

from flowstone.plugin import count
from flowstone_pubsub.message import Gap, Message
from flowstone_pubsub.rings import Item, first_of, last_of

Key = Callable[[Message], Hashable]


class Coalesce:
    """Keeps the newest of each key, and where keys are too many the newest of all.

    Args:
        maxlen: The most messages that wait.
        key: What a message is about. One that raises, or gives nothing hashable, counts as giving the topic.
    """

    def __init__(self, maxlen: int, key: Key) -> None:
        self._maxlen = maxlen
        self._key = key
        self._items: dict[Hashable, Item] = {}  # in the order of the log
        self._replaced: list[Gap] = []
        self.dropped = 0

    def put(self, items: Sequence[Item]) -> int:
        """Take items over."""
        for item in items:
            if isinstance(item, Gap):
                self._put_gap(item)
                continue
            key = self._key_of(item)
            older = self._items.pop(key, None)
            if older is not None:
                self._drop(older, Gap(first_of(older), last_of(older), "coalesced"))
            self._items[key] = item
            if len(self._items) > self._maxlen:
                oldest = self._items.pop(next(iter(self._items)))
                self._drop(oldest, Gap(first_of(oldest), last_of(oldest), "slow_consumer"))
        return 0

    def _put_gap(self, gap: Gap) -> None:
        if (
            gap.last < gap.first
        ):  # the log was begun anew: numbers of the old one cannot be ordered with its own
            first = self.first()
            self.dropped += len(self._items)
            self._items.clear()
            self._replaced.clear()
            gap = Gap(gap.first if first is None else first, gap.last, gap.reason)
        self._items[object()] = gap

    def _drop(self, item: Item, gap: Gap) -> None:
        self.dropped += isinstance(item, Message)
        self._replaced.append(gap)
        if len(self._replaced) > 2 * self._maxlen + 64:
            self._compact()

    def _compact(self) -> None:
        """Join gaps with no waiting message between them: at most one more than there are messages is left."""
        waiting = [_place_of(item) for item in self._items.values()]
        joined: dict[int, Gap] = {}
        for gap in sorted(self._replaced):
            place = bisect(waiting, gap.first)
            before = joined.get(place)
            if before is not None:
                reason = before.reason if before.reason == "slow_consumer" else gap.reason
                gap = Gap(before.first, max(before.last, gap.last), reason)  # noqa: PLW2901  # the joined one
            joined[place] = gap
        self._replaced = list(joined.values())

    def _key_of(self, message: Message) -> Hashable:
        try:
            key = self._key(message)
            hash(key)
        except Exception:  # the user's function, on the thread that delivers to all
            count("pubsub.key.failed")
            return message.topic
        return key

    def take(self, limit: int) -> list[Item]:
        """Return all that waits, gaps in their places."""
        self._compact()
        taken: list[Item] = [*self._items.values(), *self._replaced]
        if self._replaced:
            taken.sort(key=_place_of)
        self._items.clear()
        self._replaced = []
        return taken

    def first(self) -> int | None:
        """Return the first seq."""
        waiting = next(iter(self._items.values()), None)
        found = min([*self._replaced, *([] if waiting is None else [waiting])], key=_place_of, default=None)
        return None if found is None else first_of(found)

    def __len__(self) -> int:
        return len(self._items) + len(self._replaced)


def _place_of(item: Item) -> int:
    """Return where an item stands among others; the log that was begun anew begins with the gap that says so."""
    return min(first_of(item), last_of(item))
