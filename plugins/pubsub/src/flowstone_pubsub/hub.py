"""The hub of a process: one reader of the log, and the dispatch to all subscriptions here."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Final

from flowstone.plugin import count
from flowstone_pubsub.engines.base import LOST_TOPIC, Engine, Follower
from flowstone_pubsub.engines.base import Item as LogItem
from flowstone_pubsub.envelope import Envelope
from flowstone_pubsub.mailbox import Mailbox, Waiter, wake
from flowstone_pubsub.message import Gap, message
from flowstone_pubsub.rings import Item

Route = tuple[tuple[str, tuple[Mailbox, ...]], ...]
"""Who gets an event, by the topic it is given to them under."""

_Ready = tuple[str, tuple[Mailbox, ...], list[Item]]
"""The same with what they get next."""

_ROUTES_KEPT: Final = 4096
_LOST: Final = (LOST_TOPIC,)


class Hub:
    """Follows the log of an engine while there are subscriptions, and fills their mailboxes.

    Attributes:
        engine: The engine.
        head: The last seq that was taken up.
        done: The last seq that all mailboxes have, or do not want.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.head = 0
        self.done = 0
        self._lock = threading.Lock()  # of boxes and routes; no engine is called under it
        self._following = threading.Lock()  # of beginning and ending to follow
        self._follower: Follower | None = None
        self._generation = 0
        self._begun = 0
        self._boxes: tuple[Mailbox, ...] = ()
        self._routes: dict[tuple[str, ...], Route] = {}

    @property
    def boxes(self) -> tuple[Mailbox, ...]:
        """The mailboxes of all subscriptions."""
        return tuple(box for box in self._boxes if not box.closed)

    def add(self, box: Mailbox, after: int | None) -> None:
        """Begin to fill *box*.

        Args:
            box: A new mailbox.
            after: The last seq it knows; None: it wants what comes from now on.

        Raises:
            EngineDown: The log cannot be followed now.
        """
        with self._following:
            self._prune()
            if self._follower is None:
                self._follow()
            with self._lock:
                box.live = after is None or after == self.head
                box.cursor = self.head if after is None else after
                self._boxes = (*self._boxes, box)
                self._routes.clear()

    def _follow(self) -> None:
        self._generation += 1
        generation = self._generation
        # Behind what was read before an interruption of all subscriptions, nobody asks.
        follower = self.engine.follow(None, lambda items: self._deliver(items, generation))
        self._deliver((), generation, follower.head)
        self._follower = follower

    def remove(self, box: Mailbox) -> None:
        """Stop filling *box*; the last one ends the following."""
        waiter = box.close()
        if waiter is not None:
            wake([waiter])
        with self._following:
            self._prune()
            follower = self._follower
            if self._boxes or follower is None:
                return
            self._follower = None
            self._generation += 1
        follower.close()

    def _prune(self) -> None:
        with self._lock:
            kept = tuple(box for box in self._boxes if not box.closed)
            if len(kept) != len(self._boxes):
                self._boxes = kept
                self._routes.clear()

    def close(self) -> None:
        """End all subscriptions."""
        for box in self._boxes:
            self.remove(box)

    def _deliver(self, items: Sequence[LogItem], generation: int, head: int = 0) -> None:
        waiters: list[Waiter] = []
        with self._lock:
            if generation != self._generation:
                return  # of a follower that was given up
            if self._begun != generation:  # deliveries may be faster than ``follow`` returns
                self._begun = generation
                self.head = self.done = first_of_log(items[0]) - 1 if items else head
            if items:
                self._dispatch(items, waiters)
        if waiters:
            wake(waiters)

    def _dispatch(self, items: Sequence[LogItem], waiters: list[Waiter]) -> None:
        head = self.head
        # Before the mailboxes have it: who goes live in between must know that there is more in the log.
        self.head = last_of_log(items[-1])
        routes = self._routes
        route: Route = ()
        ready: list[_Ready] = []
        for item in items:
            if isinstance(item, Gap) or item.topics[:1] == _LOST:
                self._offer(ready, waiters)
                ready = _ready(route)
                gap = item if isinstance(item, Gap) else Gap(item.seq, item.seq, "engine")
                self._offer([("", self._boxes, [gap])], waiters)
                head = gap.last
                continue
            seq, id, time, topics, data, envelope = item
            if seq != head + 1:
                if seq <= head:
                    continue  # had it
                self._offer(ready, waiters)
                ready = _ready(route)
                self._tell_hole(head, waiters)
            head = seq
            wanted = routes.get(topics)
            if wanted is None:
                wanted = self._route(topics)
            if not wanted:
                continue
            if wanted is not route:
                self._offer(ready, waiters)
                route, ready = wanted, _ready(wanted)
            envelope = envelope or Envelope(data)
            for topic, _, batch in ready:
                batch.append(message(topic, seq, id, time, envelope))
        self._offer(ready, waiters)
        self.done = self.head

    def _offer(self, ready: Sequence[_Ready], waiters: list[Waiter]) -> None:
        for _, boxes, batch in ready:
            if batch:
                for box in boxes:
                    waiter = box.offer(batch)
                    if waiter is not None:
                        waiters.append(waiter)

    def _tell_hole(self, head: int, waiters: list[Waiter]) -> None:
        """Have all subscriptions read from the log what was not delivered behind *head*."""
        count("pubsub.holes")
        for box in self._boxes:
            with box.lock:
                if box.live:
                    box.reread(head)
            waiter = box.interrupt()
            if waiter is not None:
                waiters.append(waiter)

    def _route(self, topics: tuple[str, ...]) -> Route:
        found: dict[str, list[Mailbox]] = {}
        for box in self._boxes:
            topic = box.patterns.match(topics)
            if topic is not None:
                found.setdefault(topic, []).append(box)
        route = tuple((topic, tuple(boxes)) for topic, boxes in found.items())
        if len(self._routes) >= _ROUTES_KEPT:
            self._routes.clear()
        self._routes[topics] = route
        return route


def _ready(route: Route) -> list[_Ready]:
    return [(topic, boxes, []) for topic, boxes in route]


def first_of_log(item: LogItem) -> int:
    """Return the first seq that an item of the log tells of."""
    return item.first if isinstance(item, Gap) else item.seq


def last_of_log(item: LogItem) -> int:
    """Return the last seq that an item of the log tells of."""
    return item.last if isinstance(item, Gap) else item.seq


def told(items: Sequence[LogItem], box: Mailbox) -> list[Item]:
    """Return those of *items*, as they were read from the log, that a mailbox's subscription asked for."""
    found: list[Item] = []
    for item in items:
        if isinstance(item, Gap):
            found.append(item)
        elif item.topics[:1] == _LOST:
            found.append(Gap(item.seq, item.seq, "engine"))
        else:
            topic = box.patterns.match(item.topics)
            if topic is not None:
                found.append(
                    message(topic, item.seq, item.id, item.time, item.envelope or Envelope(item.data))
                )
    return found
