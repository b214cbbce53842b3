"""The export queues of this process, so that somebody can tell how they stand."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from weakref import WeakKeyDictionary


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueState:
    """How an export queue stands.

    Attributes:
        what: What it exports, such as ``spans``.
        waiting: Items in it.
        bound: Most items it takes; beyond it the oldest are dropped.
        sent_at: When the receiver last took a batch (``time.monotonic``); 0 where it never did.
    """

    what: str
    waiting: int
    bound: int
    sent_at: float


class Queue(Protocol):
    """What can tell how it stands."""

    def state(self) -> QueueState:
        """Return how it stands; quick, and without waiting."""
        ...


_queues: Final[WeakKeyDictionary[Queue, int]] = WeakKeyDictionary()  # and the process that made each


def watch(queue: Queue) -> None:
    """Have *queue* told of for as long as it lives."""
    _queues[queue] = os.getpid()


def states() -> Sequence[QueueState]:
    """Return how the queues of this process stand; a parent's, before a fork, are not its own."""
    return [queue.state() for queue, pid in list(_queues.items()) if pid == os.getpid()]
