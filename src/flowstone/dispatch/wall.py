"""The fault wall: what plugins do wrong stays with them.

A failure is counted and reported; a plugin whose hooks fail repeatedly in a row, or hang, is
quarantined: no longer called in this process.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

FAILURES_IN_A_ROW: Final = 5
CALLER_BUDGET_NS: Final = 10_000_000
BATCH_BUDGET_S: Final = 0.75


class Overrun(Exception):
    """A hook took longer than its budget."""


@dataclass(slots=True)
class Conduct:
    """How a plugin has behaved so far in this process.

    Attributes:
        failures: Hook calls that raised or overran, in all.
        in_a_row: The same since its last good call.
        quarantined: Why it is no longer called; empty while it is.
        last: Its last failure, as text.
    """

    failures: int = 0
    in_a_row: int = 0
    quarantined: str = ""
    last: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """One failure, as it is reported.

    Attributes:
        plugin: The plugin's name.
        hook: The hook that failed.
        error: What it raised.
        count: Failures of the plugin so far.
        quarantined: Why the plugin is quarantined from now on; empty if it is not.
    """

    plugin: str
    hook: str
    error: BaseException
    count: int
    quarantined: str


class Wall:
    """Counts faults and decides on quarantine.

    Args:
        report: Told of each fault; must not raise.
    """

    def __init__(self, report: Callable[[Fault], None]) -> None:
        self._report = report
        self._lock = threading.Lock()
        self._conduct: dict[str, Conduct] = {}
        self._pid = os.getpid()

    def conduct(self, plugin: str) -> Conduct:
        """Return how *plugin* has behaved (a live object)."""
        with self._guard():
            return self._conduct.setdefault(plugin, Conduct())

    def failed(self, plugin: str, hook: str, error: BaseException, *, hung: bool = False) -> bool:
        """Count a failure; return True if it puts the plugin into quarantine now."""
        with self._guard():
            conduct = self._conduct.setdefault(plugin, Conduct())
            conduct.failures += 1
            conduct.in_a_row += 1
            conduct.last = f"{type(error).__name__} in {hook}"
            newly = not conduct.quarantined and (hung or conduct.in_a_row >= FAILURES_IN_A_ROW)
            if newly:
                conduct.quarantined = (
                    f"{hook} hung" if hung else f"{conduct.in_a_row} failures in a row, last {conduct.last}"
                )
            fault = Fault(plugin, hook, error, conduct.failures, conduct.quarantined if newly else "")
        self._report(fault)
        return newly

    def good(self, plugin: str) -> None:
        """Note a call that went well."""
        conduct = self._conduct.get(plugin)
        if conduct is not None and not conduct.quarantined:
            conduct.in_a_row = 0

    def is_quarantined(self, plugin: str) -> bool:
        """Tell whether *plugin* is no longer called."""
        conduct = self._conduct.get(plugin)
        return conduct is not None and bool(conduct.quarantined)

    def _guard(self) -> threading.Lock:
        if self._pid != os.getpid():  # the parent's lock may have been held at the fork
            self._pid, self._lock = os.getpid(), threading.Lock()
        return self._lock
