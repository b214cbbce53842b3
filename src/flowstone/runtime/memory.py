"""How much memory this process has had at most."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from time import monotonic_ns
from typing import Final

_STATUS: Final = Path("/proc/self/status")
_FIELD: Final = b"VmHWM:"
_FRESH_NS: Final = 100_000_000
_last: tuple[int, int | None] = (0, None)


def peak_rss() -> int | None:
    """Return the peak of the process's resident memory so far in bytes, up to 0.1 s old; None where unknown.

    Linux's ``getrusage`` also tells the peak of the program that started this one, so it is not asked there.
    """
    global _last
    kept, now = _last, monotonic_ns()
    if not 0 <= now - kept[0] < _FRESH_NS:
        kept = _last = now, _read()
    return kept[1]


def _forget() -> None:
    global _last
    _last = (0, None)


def _read() -> int | None:
    if sys.platform == "win32":
        return None
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes, there
    try:
        for line in _STATUS.read_bytes().splitlines():
            if line.startswith(_FIELD):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
