"""The connections of a server: bounded in number and in time, closed in a forked child."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress
from time import monotonic
from typing import Final

MOST: Final = 64
REQUEST_S: Final = 5.0
"""Seconds in which a request has to have come, whole; as long a connection may be without one."""
_LEAVE_S: Final = 1.0


class Connections:
    """Makes room by dropping whichever waits longest for its request, so that no slow callers can take it all."""

    def __init__(self) -> None:
        self._free = threading.BoundedSemaphore(MOST)
        self._since: dict[socket.socket, float] = {}  # the longest waiting first

    def admit(self, connection: socket.socket) -> bool:
        """Take a connection in; tell whether there is room."""
        if not self._free.acquire(blocking=False):
            self._drop(next(iter(list(self._since)), None))
            if not self._free.acquire(timeout=_LEAVE_S):
                return False
        self._since[connection] = monotonic()
        return True

    def answered(self, connection: socket.socket) -> None:
        """Say that a connection's request was answered; the time for its next one begins."""
        if self._since.pop(connection, None) is not None:
            self._since[connection] = monotonic()

    def left(self, connection: socket.socket) -> None:
        """Free a connection's place."""
        self._since.pop(connection, None)
        self._free.release()

    def drop_late(self) -> None:
        """Drop those whose request has not come in time."""
        now = monotonic()
        for connection, since in list(self._since.items()):
            if now - since < REQUEST_S:
                return
            self._drop(connection)

    def close_all(self) -> None:
        """Close them here, in a forked child; the other process keeps its own."""
        for connection in list(self._since):
            with suppress(OSError):  # closed before; close() would leave it open for the file that reads it
                os.close(connection.detach())

    def _drop(self, connection: socket.socket | None) -> None:
        """Have the connection's thread find its end."""
        if connection is not None:
            self._since.pop(connection, None)
            with suppress(OSError):  # closed meanwhile
                connection.shutdown(socket.SHUT_RDWR)
