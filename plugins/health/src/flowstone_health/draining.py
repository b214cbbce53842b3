"""SIGTERM: say at once that no more work is wanted, then let the process end as it would have."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

from flowstone_health import reporting

_watched: list[Any] = []


def watch() -> bool:
    """Drain on SIGTERM, before the handler that is installed; return whether that is so.

    Only a handler of the program's is preceded: where SIGTERM simply ends the process, nobody will ask for
    its health, and where it is ignored, it does not mean the end. Only the main thread can do it.
    """
    if threading.current_thread() is not threading.main_thread():
        return False
    former = signal.getsignal(signal.SIGTERM)
    if former in _watched:
        return True
    if not callable(former) or former is signal.default_int_handler:
        return False

    def on_sigterm(number: int, frame: FrameType | None) -> None:
        reporting.drain()
        former(number, frame)

    _watched[:] = [on_sigterm]
    signal.signal(signal.SIGTERM, on_sigterm)
    return True
