"""What an outbox lost: counted where it happens, told in the log when that takes something again."""

from __future__ import annotations

from itertools import count as counter

from flowstone.plugin import count
from flowstone_pubsub import tally


class Losses:
    """Numbers of events. All but ``drop`` is for one thread at a time, which the outbox sees to.

    Args:
        engine: The name of the log they did not reach.
    """

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self._dropped = counter()  # in one step each: no lock, for signal handlers come upon who holds it
        self._seen = 0  # where it stood; to look moves it on as well
        self._untold = 0

    def drop(self) -> None:
        """Count one; this is on the caller's path."""
        next(self._dropped)
        self._tally(1)

    def add(self, number: int) -> None:
        """Count *number*."""
        self._untold += number
        self._tally(number)

    def untold(self) -> int:
        """Return how many the log has still to be told of."""
        dropped = next(self._dropped)
        self._untold += dropped - self._seen
        self._seen = dropped + 1
        return self._untold

    def told(self, number: int) -> None:
        """Note that the log was told of *number*."""
        self._untold -= number

    def _tally(self, number: int) -> None:
        tally.add("lost", self._engine, number)
        count("pubsub.lost", number)
