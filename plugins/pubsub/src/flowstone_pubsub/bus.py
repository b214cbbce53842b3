"""A bus: an engine, its hub for those who listen, its outbox for those who speak."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from datetime import datetime, timedelta
from time import time_ns
from typing import Any, Final, Literal, Protocol

from flowstone.plugin import Event, get_context
from flowstone_pubsub import seeking
from flowstone_pubsub.coalescing import Coalesce
from flowstone_pubsub.engines.base import Engine
from flowstone_pubsub.envelope import LIMIT
from flowstone_pubsub.hub import Hub
from flowstone_pubsub.mailbox import Full, Mailbox
from flowstone_pubsub.message import Message
from flowstone_pubsub.outbox import Outbox
from flowstone_pubsub.patterns import Patterns
from flowstone_pubsub.payloads import OPTIONS, Entry, as_json, coerced, cut
from flowstone_pubsub.rings import DropNewest, DropOldest, KeepAll, Ring
from flowstone_pubsub.subscription import Subscription

Policy = Literal["drop_oldest", "drop_newest", "coalesce", "disconnect", "spill"]
"""What happens to a subscriber that does not keep up.

``drop_oldest`` keeps the newest messages, ``drop_newest`` the oldest, ``coalesce`` the newest of each key;
``disconnect`` ends the subscription; ``spill`` reads on from the log, and loses nothing while that is kept. What is
dropped is told as a ``Gap``.
"""

Since = Literal["earliest"] | int | timedelta | datetime | None
Key = Callable[[Message], Hashable]

MAXLEN: Final = 1024
_FULL: Final[dict[str, Full]] = {"disconnect": "disconnect", "spill": "spill"}


class Outlet(Protocol):
    """Where broadcasts and lifecycle events are left."""

    def put(self, entry: Entry) -> None:
        """Leave one entry."""
        ...

    def put_all(self, entries: Iterable[Entry]) -> None:
        """Leave several."""
        ...


class Speaker:
    """Takes broadcasts as they are at this moment.

    Attributes:
        outbox: Where they are left.
    """

    outbox: Outlet

    def broadcast(self, topic: str, event: Any) -> None:
        """Send *event* to all who subscribed to *topic*; it waits for nothing and raises nothing."""
        # A caller that comes from elsewhere finds all of this cold, so each call and object here costs some
        # microseconds: it takes what may change meanwhile, and the outbox looks at it later.
        try:
            caught = event if issubclass(type(event), Event) else as_json(event, None, OPTIONS)
        except TypeError:
            caught = coerced(event)
        if caught is not event and len(caught) > LIMIT:
            caught = cut(caught)
        self.outbox.put((topic, caught, time_ns(), get_context()))


class Bus(Speaker):
    """Publishes to the log of an engine, and subscribes to it. Safe for threads; of one process.

    Args:
        engine: The engine.
        spans: Whether what is broadcast is sent in a span of its own.
    """

    outbox: Outbox

    def __init__(self, engine: Engine, *, spans: bool = True) -> None:
        self.engine = engine
        self.hub = Hub(engine)
        self.outbox = Outbox(engine, spans=spans)

    def subscribe(
        self,
        topic: str,
        *more: str,
        since: Since = None,
        maxlen: int = MAXLEN,
        policy: Policy = "drop_oldest",
        key: Key | None = None,
    ) -> Subscription:
        """Return a subscription to topics and wildcards; see ``flowstone_pubsub.subscribe``.

        Raises:
            ValueError: A topic, the policy or *maxlen* is none.
            EngineDown: The log cannot be reached now.
        """
        patterns = Patterns((topic, *more))
        box = Mailbox(patterns, _ring(policy, maxlen, key), _FULL.get(policy, "drop"), policy)
        self.hub.add(box, seeking.place_of(self.engine, since))
        return Subscription(self.hub, box, maxlen)

    def topics(self) -> list[str]:
        """Return the topics and wildcards that are subscribed to in this process."""
        return sorted({topic for box in self.hub.boxes for topic in box.patterns.asked})

    def subscribers(self, topic: str) -> int:
        """Return how many subscriptions of this process get what is sent to *topic*."""
        return sum(box.patterns.match((topic,)) is not None for box in self.hub.boxes)

    def flush(self, timeout: float) -> bool:
        """Wait until all that was broadcast is in the log; tell whether it is."""
        return self.outbox.flush(timeout)

    def close(self, timeout: float = 1.0) -> bool:
        """Flush, end all subscriptions, and let go of the engine."""
        done = self.outbox.close(timeout)
        self.hub.close()
        self.engine.close()
        return done


def _ring(policy: Policy, maxlen: int, key: Key | None) -> Ring:
    if isinstance(maxlen, bool) or not isinstance(maxlen, int) or maxlen < 1:
        raise ValueError(f"maxlen is a number from 1 on, not {maxlen!r}")
    if (key is not None) != (policy == "coalesce"):
        raise ValueError("the policy coalesce needs a key, and only that one takes it")
    if policy == "drop_oldest":
        return DropOldest(maxlen)
    if policy == "drop_newest":
        return DropNewest(maxlen)
    if policy == "coalesce" and key is not None:
        return Coalesce(maxlen, key)
    if policy in _FULL:
        return KeepAll(maxlen)
    raise ValueError(f"{policy!r} is no policy: drop_oldest, drop_newest, coalesce, disconnect or spill")
