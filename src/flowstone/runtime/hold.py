"""How long the drain holds the interpreter at a stretch, and letting go of it."""

from __future__ import annotations

from math import inf
from time import sleep, thread_time
from typing import Final

LONGEST_S: Final = 0.0008  # after it nothing further is begun, so that what is at work ends within 2 ms
PAUSE_S: Final = 0.0001


class Hold:
    """The stretch for which one thread holds the interpreter, in CPU time of its own.

    Whoever lets go comes back to cold caches, so letting go after each piece of work would be dear;
    where pieces are dear, for whatever reason, a stretch is one piece.
    """

    def __init__(self) -> None:
        self._until = inf

    def begin(self, *, hurried: bool) -> None:
        """Begin a stretch on the calling thread; somebody who waits is not kept waiting by pauses."""
        self._until = inf if hurried else thread_time() + LONGEST_S

    def breathe(self) -> None:
        """Let go of the interpreter, if the stretch was long enough; called between pieces of work."""
        if self._until is not inf and thread_time() >= self._until:
            self.let_go()

    def let_go(self) -> None:
        """Let go of the interpreter, and begin the next stretch."""
        sleep(PAUSE_S)
        self._until = thread_time() + LONGEST_S
