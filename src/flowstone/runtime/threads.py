"""Threads that do not keep the process alive, where threads can still be started."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Final

is_finalizing: Final = sys.is_finalizing
"""Tell whether the interpreter goes down: other threads stand still, and may hold locks, for ever."""


def start(
    work: Callable[..., object], name: str, *arguments: object, **named: object
) -> threading.Thread | None:
    """Return a running daemon thread that calls *work*; None where none can be started.

    That is so while the interpreter goes down, and where the system has no more threads for this user.
    """
    if is_finalizing():  # before Python 3.12 ``start`` would wait for ever
        return None
    thread = threading.Thread(target=work, name=name, args=arguments, kwargs=named, daemon=True)
    try:
        thread.start()
    except RuntimeError:  # of the interpreter's end, or of a limit of the system's
        return None
    return thread
