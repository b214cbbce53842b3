"""Budgets of plugins, judged by whether the interpreter was to be had at all.

Beside a thread of Python code that never lets go of the interpreter, whoever lets go of it (each step of SQLite,
each read of a file) gets it back a switch interval later, 5 ms: what takes 3 ms alone takes half a second, and
that is not the plugin's doing.
"""

from __future__ import annotations

from math import inf
from sys import getswitchinterval
from time import monotonic, perf_counter, sleep
from typing import Final

PATIENCE: Final = 10
_PROBES: Final = 3

_seen = -inf


def look() -> None:
    """Find out whether others keep the interpreter busy: some microseconds where they do not, else a switch interval."""
    global _seen
    late = getswitchinterval() / 2
    for _ in range(_PROBES):
        began = perf_counter()
        sleep(0)
        if perf_counter() - began > late:
            _seen = monotonic()
            return


def is_overrun(took: float, budget: float) -> bool:
    """Tell whether a call that lasted until now took longer than it may.

    That is ten times its budget where others were seen to keep the interpreter busy meanwhile.

    Args:
        took: Seconds until now.
        budget: Seconds that it may take.
    """
    if took <= budget or took > budget * PATIENCE:
        return took > budget
    look()
    return monotonic() - _seen > took
