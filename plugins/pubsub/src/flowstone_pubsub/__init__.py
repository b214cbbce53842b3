"""Live events: who subscribes sees what happens while it happens, or is told what was missed."""

from __future__ import annotations

from typing import Any

from flowstone_pubsub import current
from flowstone_pubsub.bus import MAXLEN, Bus, Key, Policy, Since
from flowstone_pubsub.current import SwitchedOff
from flowstone_pubsub.engines.base import Engine, EngineDown, Retention
from flowstone_pubsub.engines.opening import open_engine
from flowstone_pubsub.message import Gap, Message
from flowstone_pubsub.processing import processing
from flowstone_pubsub.subscription import Subscription
from flowstone_pubsub.topics import asset_topic, checkpoint_topic, materialization_topic, run_topic

__all__ = [
    "Bus",
    "Engine",
    "EngineDown",
    "Gap",
    "Message",
    "Retention",
    "Subscription",
    "SwitchedOff",
    "asset_topic",
    "broadcast",
    "checkpoint_topic",
    "flush",
    "materialization_topic",
    "open_engine",
    "processing",
    "run_topic",
    "subscribe",
    "subscribers",
    "topics",
]


def subscribe(
    topic: str,
    *more: str,
    since: Since = None,
    maxlen: int = MAXLEN,
    policy: Policy = "drop_oldest",
    key: Key | None = None,
) -> Subscription:
    """Return a subscription: an iterable, also an async one, of ``Message`` and ``Gap``.

    A message reaches a subscription once, whatever number of its topics was asked for.

    Args:
        topic: A topic; or a wildcard: ``asset:*`` for all that begin with ``asset:``, ``*`` for everything.
        more: Further ones.
        since: Where to begin: None for what comes from now on; a seq, such as a subscription's ``position``, for
            what is behind it; ``"earliest"`` for all that is kept; a ``timedelta`` for what happened since then, a
            ``datetime`` likewise.
        maxlen: How many messages may wait in memory.
        policy: What happens when more wait; ``drop_oldest``, ``drop_newest``, ``coalesce``, ``disconnect``, ``spill``.
        key: For ``coalesce``: what a message is about, such as ``lambda message: message.event.asset``.

    Raises:
        ValueError: An argument, or a setting, is malformed.
        EngineDown: The log cannot be reached now.
        SwitchedOff: ``FLOWSTONE_PUBSUB_URL`` is ``off``.
    """
    return current.bus().subscribe(topic, *more, since=since, maxlen=maxlen, policy=policy, key=key)


def broadcast(topic: str, event: Any) -> None:
    """Send *event* to all who subscribed to *topic*, in all processes on the log.

    It takes some microseconds, waits for nothing and raises nothing: what cannot be sent is counted.

    Args:
        topic: Any text of 1-512 characters that is no wildcard.
        event: A flowstone event, or JSON: dict, list, str, number, bool or None; taken as it is at this moment.
    """
    found = current.bus_or_none()
    if found is not None:
        found.broadcast(topic, event)


def topics() -> list[str]:
    """Return the topics and wildcards that are subscribed to in this process."""
    found = current.peek()
    return [] if found is None else found.topics()


def subscribers(topic: str) -> int:
    """Return how many subscriptions of this process get what is sent to *topic*."""
    found = current.peek()
    return 0 if found is None else found.subscribers(topic)


def flush(timeout: float = 2.0) -> bool:
    """Wait until all that was broadcast before is in the log; tell whether it is, within *timeout* seconds."""
    found = current.peek()
    return found is None or found.flush(timeout)
