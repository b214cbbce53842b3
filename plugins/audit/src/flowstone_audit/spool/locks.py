"""Locks on files that end with the process that holds them."""

from __future__ import annotations

import fcntl


def take(descriptor: int, *, wait: bool = False) -> bool:
    """Lock the open file; return whether it is ours now.

    The lock belongs to the open file, so that two opens of one process exclude each other as well.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def let_go(descriptor: int) -> None:
    """Unlock it, for forked children that share the open file too."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)
