"""Blocks that use connections: a fork waits for them, and instrumentations do not see their SQL."""

from __future__ import annotations

import threading
from time import monotonic
from typing import Protocol

from flowstone_audit import engines


class Used(Protocol):
    """What is used.

    Attributes:
        traced: Whether instrumentations may see its SQL.
    """

    traced: bool

    def enter(self) -> None:
        """Begin to use it."""
        ...

    def leave(self) -> None:
        """End it."""
        ...


class Use:
    """The block; a generator would take three times as long, of a look-up in SQLite a tenth.

    Args:
        used: What is used.
    """

    __slots__ = ("_token", "_used")

    def __init__(self, used: Used) -> None:
        self._used = used
        self._token: object = None

    def __enter__(self) -> None:
        self._used.enter()
        if not self._used.traced:
            self._token = engines.hush()

    def __exit__(self, *raised: object) -> None:
        if self._token is not None:
            engines.unhush(self._token)
        self._used.leave()


class Uses:
    """The blocks that are under way; while a process forks none begins.

    Attributes:
        count: How many.
    """

    def __init__(self) -> None:
        self._counting = threading.Lock()
        self.count = 0
        self._going = threading.Event()
        self._going.set()

    def begin(self, timeout: float) -> bool:
        """Begin one, after a fork of at most *timeout* seconds; False where that lasts longer."""
        if not self._going.is_set() and not self._going.wait(timeout):
            return False
        with self._counting:
            self.count += 1
        return True

    def end(self) -> None:
        """End one."""
        with self._counting:
            self.count -= 1

    def rest(self, timeout: float) -> bool:
        """Let none begin until ``go_on``, and wait for the others; return whether all came to their end."""
        self._going.clear()
        deadline = monotonic() + timeout
        while self.count and monotonic() < deadline:
            self._going.wait(0.001)
        return not self.count

    def go_on(self) -> None:
        """Let them begin again."""
        self._going.set()
