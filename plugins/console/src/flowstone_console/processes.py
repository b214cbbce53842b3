"""Whether the process that has to end an operation still lives."""

from __future__ import annotations

import os
from typing import Final

from flowstone.plugin import Process, settings, start_time, this_process

SILENCE: Final = 180_000_000_000
"""Nanoseconds without any event after which a trace of another host counts as abandoned: three heartbeats.

Longer where ``FLOWSTONE_HEARTBEAT`` makes them rarer.
"""
_RAREST_S: Final = 86_400.0


class Judge:
    """Judges processes from where this one stands; each is looked at once."""

    def __init__(self, here: Process | None = None) -> None:
        self.here = here or this_process()
        self._gone: dict[Process, bool] = {}
        period = settings().number("HEARTBEAT", 60.0)
        self._silence = max(SILENCE, int(3e9 * min(period, _RAREST_S)) if period > 0 else 0)

    def is_gone(self, process: Process | None, silence: int) -> bool:
        """Tell whether *process* is gone, its trace having been silent for *silence* nanoseconds.

        On this host the system tells; elsewhere silence does. Without a process nobody can tell.
        """
        if process is None:
            return False
        if process.host != self.here.host:
            return silence > self._silence
        gone = self._gone.get(process)
        if gone is None:
            gone = self._gone[process] = self._is_dead(process)
        return gone

    def _is_dead(self, process: Process) -> bool:
        if process.boot_id and self.here.boot_id and process.boot_id != self.here.boot_id:
            return True
        if os.name != "posix":
            return False  # there, signal 0 would end the process instead of asking for it
        visible = True
        try:
            os.kill(process.pid, 0)
        except (ProcessLookupError, OverflowError):
            return True
        except PermissionError:
            visible = False  # it lives and belongs to somebody else, who may hide its details
        started = start_time(process.pid)
        if started is None:
            return visible  # no longer there, or a zombie
        return process.start_time not in {0, started}
