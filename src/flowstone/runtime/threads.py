"""Threads that do not keep the process alive, where threads can still be started."""

from __future__ import annotations

import threading
from collections.abc import Callable


def start(work: Callable[..., object], name: str, *arguments: object) -> threading.Thread | None:
    """Return a running daemon thread that calls *work*; None where none can be started.

    That is so while the interpreter goes down, and where the system has no more threads for this user.
    """
    thread = threading.Thread(target=work, name=name, args=arguments, daemon=True)
    try:
        thread.start()
    except RuntimeError:  # of the interpreter's end, or of a limit of the system's
        return None
    return thread
