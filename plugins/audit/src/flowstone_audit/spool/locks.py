"""Locks on files that end with the process that holds them."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress


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


class Held:
    """An open file that is locked as long as it is open here.

    Attributes:
        descriptor: The open file; -1 where there is none.
    """

    descriptor = -1

    def close(self) -> None:
        """Let go of the lock, and close."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            with suppress(OSError):
                let_go(descriptor)
            os.close(descriptor)

    def abandon(self) -> None:
        """Close the file without unlocking it: the lock is the parent's of this forked child."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
