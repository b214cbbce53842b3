"""How the time that a function takes of a text grows with the text."""

from __future__ import annotations

from collections.abc import Callable
from time import thread_time

_SHORT = 1000
_TIMES = 8
_TRIES = 5


def growth(function: Callable[[str], object], piece: str) -> float:
    """Return how many times as long *function* takes of a text of *piece* that is eight times as long.

    About 8 where it takes each character once, 64 where it goes over the text from each of them. The best of
    some tries counts, in time of the processor: machines are noisy.
    """
    short, long = (piece * (n // len(piece)) + "=" for n in (_SHORT, _TIMES * _SHORT))
    return _seconds(function, long) / _seconds(function, short)


def _seconds(function: Callable[[str], object], text: str) -> float:
    best = float("inf")
    for _ in range(_TRIES):
        began = thread_time()
        function(text)
        best = min(best, thread_time() - began)
    return best
