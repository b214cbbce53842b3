"""Budgets of plugins, judged by whether the interpreter was to be had at all.

Beside a thread of Python code that never lets go of the interpreter, whoever lets go of it (each step of SQLite,
each read of a file) gets it back a switch interval later, 5 ms: what takes 3 ms alone takes half a second. Beside
C code that holds it, such as the parsing of a large JSON text, each step may wait for seconds. Neither is the
plugin's doing.
"""

from __future__ import annotations

from math import inf
from sys import getswitchinterval
from time import monotonic, perf_counter, sleep
from typing import Final

PATIENCE: Final = 10
LONGEST_S: Final = 60.0
_STEPS: Final = 1000  # of a call that lets go of the interpreter often
_PROBES: Final = 3
_LATE_S: Final = 0.05  # a busy machine wakes a thread that sleeps some milliseconds late

_seen = -inf
_wait = 0.0


def look() -> None:
    """Find out whether others keep the interpreter busy: some microseconds where they do not, else as long as they do."""
    late = getswitchinterval() / 2
    for _ in range(_PROBES):
        began = perf_counter()
        sleep(0)
        took = perf_counter() - began
        if took > late:
            _note(took)
            return


def doze(seconds: float) -> None:
    """Sleep, and note where the interpreter was not to be had afterwards."""
    began = monotonic()
    sleep(seconds)
    late = monotonic() - began - seconds
    if late > _LATE_S:
        _note(late)


def _note(wait: float) -> None:
    global _seen, _wait
    now = monotonic()
    _wait = max(wait, _wait if now - _seen < LONGEST_S else 0.0)
    _seen = now


def is_overrun(took: float, budget: float) -> bool:
    """Tell whether a call that lasted until now took longer than it may.

    Where others were seen to keep the interpreter busy meanwhile that is ten times its budget, or as long as a
    thousand waits for the interpreter, at most a minute.

    Args:
        took: Seconds until now.
        budget: Seconds that it may take.
    """
    if took <= budget:
        return False
    look()
    if monotonic() - _seen > took:
        return True
    return took > max(budget * PATIENCE, min(_wait * _STEPS, LONGEST_S))
