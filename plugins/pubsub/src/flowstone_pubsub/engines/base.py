"""What an engine is: a log with one order over all topics, that can be appended to, followed and read again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol, runtime_checkable

from flowstone_pubsub.envelope import Envelope
from flowstone_pubsub.message import Gap

LOST_TOPIC: Final = "flowstone.pubsub.lost"
"""The topic of records that stand where others were lost before they reached the log; every subscriber hears of them."""


class EngineDown(Exception):
    """The log cannot be reached or written just now; what was to be published is to be offered again."""


class Outgoing(NamedTuple):
    """What goes into the log, as one record whatever its number of topics.

    Attributes:
        id: 32 hex digits; unique for what is published, so that a repetition can be told.
        time: Unix nanoseconds.
        topics: One or more topics, each 1-512 characters.
        data: The CloudEvents envelope, JSON in UTF-8.
        envelope: The same as an object, and *data* empty: only where the engine ``holds_objects``.
    """

    id: str
    time: int
    topics: tuple[str, ...]
    data: bytes
    envelope: Envelope | None = None


class Record(NamedTuple):
    """What stands in the log.

    Attributes:
        seq: The place in the log, from 1, contiguous, never used twice.
        id: As published.
        time: As published, Unix nanoseconds.
        topics: As published.
        data: As published.
        envelope: As published.
    """

    seq: int
    id: str
    time: int
    topics: tuple[str, ...]
    data: bytes
    envelope: Envelope | None = None


class Retention(NamedTuple):
    """How much of the log is kept: both bounds hold, engines may keep somewhat more.

    Attributes:
        records: The most records that are to be read again.
        age: Seconds after which a record may go; counted from when it was published, not from its ``time``.
    """

    records: int = 100_000
    age: float = 7 * 86_400.0


Item = Record | Gap
"""What a log gives: a record, or where there is none any more, a gap.

A ``Gap`` whose ``last`` is smaller than its ``first`` says that the log ended behind ``first - 1`` and was begun
anew (its file or server was replaced): the next record is the one behind ``last``.
"""

Deliver = Callable[[Sequence[Item]], None]


class Follower(Protocol):
    """A reader of the whole log that hears of each record as it comes."""

    @property
    def head(self) -> int:
        """The last seq that was delivered; before the first delivery the one after which it began."""
        ...

    def close(self) -> None:
        """Deliver nothing more; returns when no delivery is under way. May be called twice, and by ``deliver``."""
        ...


@runtime_checkable
class Engine(Protocol):
    """A log in one place; safe for threads. After a fork the child opens its own and leaves the parent's alone.

    Attributes:
        name: ``memory``, ``sqlite``, ``nats``, ``redis`` ...: ``messaging.system`` in metrics.
        durable: Whether what was published survives the death of all processes that use the log.

    An engine with ``holds_objects = True`` is given envelopes of lifecycle events as objects, in ``Outgoing.envelope``,
    and gives them back in ``Record.envelope``. One with a method ``before(moment: int) -> int`` returns the seq before
    the first record that was added at *moment* (Unix nanoseconds) or later, by one clock for all; without it
    ``since=timedelta(...)`` goes by the times at which records say they happened.
    """

    name: str
    durable: bool

    def publish(self, batch: Sequence[Outgoing]) -> None:
        """Append *batch* in its order; when this returns, followers and readers find it.

        What was appended before under the same id within the engine's window of repetition is left out.

        Raises:
            EngineDown: None of it, or an unknown part of it, is in the log.
        """
        ...

    def follow(self, after: int | None, deliver: Deliver) -> Follower:
        """Deliver each item behind *after* in the order of the log, then each that comes; one call at a time.

        It reconnects by itself and goes on behind the last it delivered. Numbers are contiguous over records and
        gaps: what retention took meanwhile is a ``Gap`` with reason ``retention``, what is missing for another
        reason one with ``reconnect`` or ``engine``.

        Args:
            after: The last seq that is known; None: only what comes from now on. ``head`` is set when this returns.
            deliver: Called with one or more items, never with none; it is quick and does not raise.

        Raises:
            EngineDown: With ``after=None``, where the log cannot say where it ends.
        """
        ...

    def read(self, after: int, limit: int) -> Sequence[Item]:
        """Return at most *limit* items behind *after*, a ``Gap`` first where they are gone; empty at the end.

        Where the log ends before *after*, it was begun anew: the first item is ``Gap(after + 1, 0, "engine")``, or
        one that ends right before the oldest record.

        Raises:
            EngineDown: The log cannot be read now.
        """
        ...

    def bounds(self) -> tuple[int, int]:
        """Return the oldest and the newest seq in the log, ``(0, 0)`` where nothing was ever published.

        Where retention took everything the oldest is one more than the newest.

        Raises:
            EngineDown: The log cannot be read now.
        """
        ...

    def close(self) -> None:
        """Let go of connections and threads, followers' too; may be called twice."""
        ...
