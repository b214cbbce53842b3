"""One connection to a log's file: never carried across a fork, opened anew where the file was replaced."""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from time import monotonic, monotonic_ns, sleep
from typing import Final, TypeVar

from flowstone_pubsub.engines import sqlite_file
from flowstone_pubsub.engines.base import EngineDown

T = TypeVar("T")
_FORK_WAIT_S: Final = 0.25
_handles: Final[weakref.WeakSet[Handle]] = weakref.WeakSet()


class Handle:
    """A connection that is opened when first needed and closed before every fork.

    SQLite keeps its locks in a table of the process. A child that opens a file its parent had open finds locks in
    that copy which it does not hold, and the log is deleted under it.

    Args:
        path: The file.
        mends: Whether a damaged log is moved aside for a new one; who only reads leaves it where it is.

    Attributes:
        path: The file.
        origin: Of the log that was used last; empty before.
    """

    def __init__(self, path: Path, *, mends: bool = False) -> None:
        self.path = path
        self._mends = mends
        self._place = str(path)
        self.origin = b""
        self._inode = 0
        self._connection: sqlite3.Connection | None = None
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._forking = False
        self._closed = False
        _handles.add(self)

    def use(self, work: Callable[[sqlite3.Connection], T], wait: float) -> T:
        """Run *work*, waiting at most *wait* seconds for other writers and for a fork that is under way.

        Raises:
            EngineDown: The file stayed busy, cannot be used, or the process inherited this handle.
        """
        deadline = monotonic() + wait
        pause = 0.0005
        mended = False
        while True:
            try:
                with self._lock:
                    if not self._forking:  # else whoever forks may wait for this very thread to come to rest
                        return work(self._opened())
            except sqlite3.Error as error:
                if sqlite_file.is_broken(error) and self._mends and not mended:
                    mended = True
                    self._begin_anew()
                    continue
                if not sqlite_file.is_busy(error) or monotonic() + pause > deadline:
                    raise EngineDown(f"{self.path}: {error}") from error
            except (OSError, sqlite_file.ForeignFileError) as error:
                raise EngineDown(str(error)) from error
            if monotonic() > deadline:
                raise EngineDown(f"{self.path}: the process is forking")
            # Uneven, so that writers do not march in step; the lock is free, so that a fork need not wait.
            sleep(pause * (0.5 + monotonic_ns() % 997 / 997))
            pause = min(pause * 2, 0.01)

    def _opened(self) -> sqlite3.Connection:
        if self._pid != os.getpid() or self._closed:
            raise EngineDown("this log was closed, or inherited through a fork")
        connection = self._connection
        if connection is not None and sqlite_file.inode_of(self._place) != self._inode:
            self._close()  # somebody removed or replaced the file: do not write into the void
            connection = None
        if connection is None:
            # From before it is opened: where it is replaced meanwhile, that is seen at the next use.
            self._inode = sqlite_file.inode_of(self.path)
            connection = sqlite_file.opened(self.path)
            try:
                self.origin = sqlite_file.origin_of(connection)
            except BaseException:
                connection.close()
                raise
            self._inode = self._inode or sqlite_file.inode_of(self.path)
            self._connection = connection
        return connection

    def _begin_anew(self) -> None:
        with self._lock:
            self._close()
            if self._inode:
                try:
                    sqlite_file.set_aside(self.path, self._inode)
                except sqlite_file.ForeignFileError as error:
                    raise EngineDown(str(error)) from error

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def close(self) -> None:
        """Close the connection for good; in a process that inherited it, leave it alone."""
        if self._pid == os.getpid():
            with self._lock:
                self._closed = True
                self._close()

    def before_fork(self) -> None:
        """Close the connection; none is opened until the fork is done."""
        if self._lock.acquire(timeout=_FORK_WAIT_S):
            self._forking = True
            self._close()
            self._lock.release()

    def after_fork_in_parent(self) -> None:
        """Let the users go on."""
        self._forking = False

    def after_fork_in_child(self) -> None:
        """Keep what could not be closed in time from ever being touched: the child opens its own."""
        if self._connection is not None:
            _inherited.append(self._connection)
            self._connection = None
        self._lock = threading.Lock()


_inherited: Final[list[sqlite3.Connection]] = []


def _before_fork() -> None:
    for handle in tuple(_handles):
        handle.before_fork()


def _after_fork_in_parent() -> None:
    for handle in tuple(_handles):
        handle.after_fork_in_parent()


def _after_fork_in_child() -> None:
    for handle in tuple(_handles):
        handle.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child
    )
