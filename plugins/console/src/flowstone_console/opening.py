"""Opening the database file: for writing (made where missing, mended where broken) and for reading."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path
from typing import Final

from flowstone_console import schema

_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_BROKEN: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def is_busy(error: sqlite3.Error) -> bool:
    """Tell whether another process holds the lock."""
    return _code(error) in _BUSY


def is_broken(error: sqlite3.Error) -> bool:
    """Tell whether the file is damaged."""
    return _code(error) in _BROKEN


def _code(error: sqlite3.Error) -> int:
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF  # extended codes carry detail above


def for_writing(path: Path) -> sqlite3.Connection:
    """Open the store at *path*, making it (mode 0600) and its tables where missing.

    The connection waits for no lock itself: waiting is the caller's, who does it without holding anything.

    Raises:
        sqlite3.Error: The file is busy, damaged or cannot be opened.
        StoreError: It is no store of this version.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        # Before SQLite does, so that the mode is right from the first byte; -wal and -shm take it over.
        # Never on a file that exists: closing any handle to it would drop this process's locks.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
    connection = sqlite3.connect(path, timeout=0.1, isolation_level=None, check_same_thread=False)
    try:
        if not schema.check(connection, str(path)):
            schema.create(connection, str(path))
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA journal_size_limit = 8388608").fetchone()
        connection.execute("PRAGMA busy_timeout = 0").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def for_reading(path: Path) -> sqlite3.Connection:
    """Open the store at *path*, which has to exist, without the right to change it.

    Raises:
        StoreError: There is none, it is damaged, or of another version; the message says what to do.
    """
    if not path.exists():
        raise schema.StoreError(f"there is no trace store at {path} yet; it is made by the first run")
    try:
        connection = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=2.0, isolation_level=None
        )
        try:
            if not schema.check(connection, str(path)):
                raise schema.StoreError(f"the trace store at {path} is empty")
            connection.execute("BEGIN")  # one state of the store for all that is read
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        if is_broken(error):
            raise schema.StoreError(
                f"{path} is damaged; the next flowstone process moves it aside and begins anew"
            ) from error
        raise schema.StoreError(f"cannot read {path}: {error}") from error
    return connection


def set_aside(path: Path, inode: int) -> bool:
    """Move a damaged store out of the way, if it still is the file *inode*; tell whether it was moved."""
    try:
        if path.stat().st_ino != inode:
            return False  # another process was faster
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
        path.rename(path.with_name(f"{path.name}.corrupt-{stamp}-{os.getpid()}"))
    except FileNotFoundError:
        return False
    for suffix in ("-wal", "-shm"):
        # A log of the damaged file must not be replayed into the new one.
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return True


def inode_of(path: Path) -> int:
    """Return what tells one file at *path* from the next; 0 where there is none."""
    try:
        return path.stat().st_ino
    except OSError:
        return 0
