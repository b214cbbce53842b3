"""Budgets of plugins, in time in which the interpreter was to be had.

Beside a thread of Python code that never lets go of the interpreter, whoever lets go of it (each step of SQLite,
each read of a file) gets it back a switch interval later, 5 ms: what takes 3 ms alone takes half a second. Beside
C code that holds it, such as the parsing of a large JSON text, each step may wait for seconds. Neither is the
plugin's doing. So the drain's minder looks whether the interpreter is to be had, and where it is not, only a
tenth of the time that the minder meant to sleep counts.
"""

from __future__ import annotations

from math import inf
from sys import getswitchinterval
from time import monotonic, perf_counter, sleep
from typing import Final, NamedTuple

PATIENCE: Final = 10
_PROBES: Final = 3
_LATE_S: Final = 0.05  # a busy machine wakes a thread that sleeps some milliseconds late


class _State(NamedTuple):
    """What is known, replaced as a whole: a call may begin or end between any two statements.

    Attributes:
        forgiven: Seconds that count for nobody, in all.
        since: When the sleep that lasts began, monotonic seconds; infinite where none does.
        seconds: How long it was to last.
    """

    forgiven: float = 0.0
    since: float = inf
    seconds: float = 0.0


_state = _State()


def is_contended() -> bool:
    """Tell whether others keep the interpreter busy: takes some microseconds where they do not, else as long as they do."""
    late = getswitchinterval() / 2
    for _ in range(_PROBES):
        began = perf_counter()
        sleep(0)
        if perf_counter() - began > late:
            return True
    return False


def doze(seconds: float) -> None:
    """Sleep, and find out whether the interpreter is to be had: else most of that time counts for nobody."""
    global _state
    began = monotonic()
    found = _state.forgiven
    _state = _State(found, began, seconds)
    sleep(seconds)
    if monotonic() - began - seconds > _LATE_S or is_contended():
        found += monotonic() - began - seconds / PATIENCE
    _state = _State(found)


def forgiven() -> float:
    """Return the seconds that count for nobody, in all; what it was when a call began is that call's beginning."""
    found, since, seconds = _state
    took = monotonic() - since
    return found + took - seconds / PATIENCE if took - seconds > _LATE_S else found


def is_overrun(took: float, budget: float, before: float) -> bool:
    """Tell whether a call took longer than it may.

    Args:
        took: Seconds until now.
        budget: Seconds that it may take.
        before: What was forgiven when it began.
    """
    return took > budget and took - (forgiven() - before) > budget


def is_slow(took: float, budget: float) -> bool:
    """Tell whether a call on the user's thread took longer than it may: ten times as long where others are busy.

    Args:
        took: What it took, in any unit.
        budget: What it may take, in the same.
    """
    return took > budget and (took > budget * PATIENCE or not is_contended())
