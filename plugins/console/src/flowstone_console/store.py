"""One process's handle on the store: short transactions, bounded waits, nothing carried across a fork."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from flowstone.plugin import count
from flowstone_console import opening

T = TypeVar("T")
_FORK_WAIT: Final = 0.25
_stores: Final[weakref.WeakSet[Store]] = weakref.WeakSet()


class StoreUnavailableError(Exception):
    """This process must not touch the store: it inherited an open connection through a fork."""


class ForkingError(Exception):
    """The process is about to fork; try again when it has."""


class Store:
    """The writing end; a connection is opened when first needed and closed before every fork.

    SQLite keeps its locks in a table of the process. A child that opens a file its parent had open
    finds locks in that copy which it does not hold, and the log is deleted under it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._forking = False
        self._tainted = False
        self.after_fork: Callable[[], None] | None = None
        _stores.add(self)

    def transact(self, work: Callable[[sqlite3.Connection], T], wait: float) -> T:
        """Run *work* in one write transaction, waiting at most *wait* seconds for other writers.

        Raises:
            sqlite3.Error: The store stayed busy, or cannot be written.
            StoreError: The file is no store of this version.
            StoreUnavailableError: This process inherited a connection.
            ForkingError: A fork is under way.
        """
        deadline = time.monotonic() + wait
        pause = 0.001
        mended = False
        while True:
            try:
                with self._lock:
                    return self._attempt(work)
            except sqlite3.Error as error:
                if opening.is_broken(error) and not mended:
                    mended = True
                    self._begin_anew()
                    continue
                if not opening.is_busy(error) or time.monotonic() + pause > deadline:
                    raise
            # Uneven, so that writers do not march in step; the lock is free, so that a fork need not wait.
            time.sleep(pause * (0.5 + time.monotonic_ns() % 997 / 997))
            pause = min(pause * 2, 0.02)

    def close(self) -> None:
        """Close the connection; the next transaction opens another."""
        with self._lock:
            self._close()

    def _attempt(self, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._opened()
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return result

    def _opened(self) -> sqlite3.Connection:
        if self._pid != os.getpid() or self._tainted:
            raise StoreUnavailableError
        if self._forking:
            # Not a wait: whoever forks may be waiting for this very thread to come to rest.
            raise ForkingError
        if self._connection is not None and opening.inode_of(self.path) != self._inode:
            self._close()  # somebody removed or replaced the file: do not write into the void
        if self._connection is None:
            self._inode = opening.inode_of(self.path)
            self._connection = opening.for_writing(self.path)
            self._inode = opening.inode_of(self.path)
        return self._connection

    def _begin_anew(self) -> None:
        with self._lock:
            self._close()
            if self._inode and opening.set_aside(self.path, self._inode):
                count("store.corrupt")

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def before_fork(self) -> None:
        """Close the connection; none is opened until the fork is done."""
        if self._lock.acquire(timeout=_FORK_WAIT):
            self._forking = True
            self._close()
            self._lock.release()

    def after_fork_in_parent(self) -> None:
        """Let the writers go on, and deliver what they had to keep back meanwhile."""
        self._forking = False
        if self.after_fork is not None:
            self.after_fork()

    def after_fork_in_child(self) -> None:
        """Begin afresh; with a connection that could not be closed in time, stay away from the store."""
        self._tainted = self._connection is not None
        self._lock = threading.Lock()
        self._forking = False
        self._pid = os.getpid()


def _before_fork() -> None:
    for store in tuple(_stores):
        store.before_fork()


def _after_fork_in_parent() -> None:
    for store in tuple(_stores):
        store.after_fork_in_parent()


def _after_fork_in_child() -> None:
    for store in tuple(_stores):
        store.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child
    )
