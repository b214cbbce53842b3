"""The database file of a log: made where missing, moved aside where damaged, refused where it may be another's."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from flowstone.plugin import count

VERSION: Final = 1
APPLICATION_ID: Final = 0x464C_5350  # "FLSP"

_ORIGIN: Final = (
    # Which log it is. The number of its file is given to the next one as soon as nobody has it open.
    "CREATE TABLE IF NOT EXISTS origin (one INTEGER PRIMARY KEY CHECK (one = 1), id BLOB NOT NULL)",
    "INSERT OR IGNORE INTO origin VALUES (1, randomblob(16))",
)
_TABLES: Final = (
    # The next number is one more than the largest, so the newest record always stays. AUTOINCREMENT keeps numbers
    # without it, for a page that is written with each commit: a fifth of its time.
    """CREATE TABLE log (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL,
        time INTEGER NOT NULL,
        added INTEGER NOT NULL,
        topics TEXT NOT NULL,
        data BLOB NOT NULL
    )""",
    "CREATE UNIQUE INDEX log_id ON log (id)",
    *_ORIGIN,
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {VERSION}",
)
_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_BROKEN: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_MAP: Final = 64 << 20
_JOURNAL: Final = 32 << 20
_PAGE: Final = 4096

_MARK: Final = APPLICATION_ID.to_bytes(4, "big")
_MARK_AT: Final = 68  # in a file's first page
_HEAD: Final = _MARK_AT + len(_MARK)


class ForeignFileError(Exception):
    """The file is another program's, or of another version; the message says what to do."""


def is_busy(error: sqlite3.Error) -> bool:
    """Tell whether another process holds the lock."""
    return _code(error) in _BUSY


def is_broken(error: sqlite3.Error) -> bool:
    """Tell whether the file is damaged."""
    return _code(error) in _BROKEN


def _code(error: sqlite3.Error) -> int:
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF  # extended codes carry detail above


def opened(path: Path) -> sqlite3.Connection:
    """Return a connection to the log at *path*, which is made (mode 0600) where missing.

    It waits for no lock itself: waiting is the caller's, who does it without holding anything.

    Raises:
        sqlite3.Error: The file is busy, damaged or cannot be opened.
        OSError: Its folder cannot be made.
        ForeignFileError: It is no log of this version.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        # Before SQLite does, so that the mode is right from the first byte; -wal and -shm take it over.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    connection = sqlite3.connect(path, timeout=0.1, isolation_level=None, check_same_thread=False)
    try:
        if not _is_ours(connection, path):
            _create(connection, path)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA journal_size_limit = {_JOURNAL}").fetchone()
        # Each checkpoint waits for the disk, once for however many pages; until then commits are in the -wal file.
        connection.execute(f"PRAGMA wal_autocheckpoint = {_JOURNAL // _PAGE}").fetchone()
        connection.execute(f"PRAGMA mmap_size = {_MAP}").fetchone()
        connection.execute("PRAGMA busy_timeout = 0").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _is_ours(connection: sqlite3.Connection, path: Path) -> bool:
    """Tell whether the tables are there; False for an empty file."""
    alone = not connection.in_transaction
    if alone:
        connection.execute("BEGIN")  # all as of one moment: another process may be making the tables
    try:
        empty = connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        owner = int(connection.execute("PRAGMA application_id").fetchone()[0])
    finally:
        if alone and connection.in_transaction:
            connection.execute("ROLLBACK")
    if empty and not version:
        return False
    if owner != APPLICATION_ID:
        raise ForeignFileError(
            f"{path} is a database of another program; set FLOWSTONE_PUBSUB_URL to another file"
        )
    if version != VERSION:
        raise ForeignFileError(
            f"{path} is of another version of flowstone-pubsub (log version {version}, this one needs {VERSION}); "
            "move it away to begin anew, or set FLOWSTONE_PUBSUB_URL to another file"
        )
    return True


def origin_of(connection: sqlite3.Connection) -> bytes:
    """Return what tells this log from every other one, 16 random bytes; a log of before gets its own now.

    Raises:
        sqlite3.Error: The file is busy or damaged.
    """
    try:
        return bytes(connection.execute("SELECT id FROM origin").fetchone()[0])
    except sqlite3.OperationalError as error:
        if _code(error) != sqlite3.SQLITE_ERROR:
            raise
    with _writing(connection):
        for statement in _ORIGIN:
            connection.execute(statement)
    return origin_of(connection)


def _create(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA journal_mode = WAL").fetchone()
    with _writing(connection):
        if not _is_ours(connection, path):  # nobody was faster
            for statement in _TABLES:
                connection.execute(statement)


@contextmanager
def _writing(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _was_ours(path: Path) -> bool:
    """Tell whether a damaged file has our mark. One that has none yet has all its pages in the -wal file, undamaged."""
    try:
        with path.open("rb") as file:
            return file.read(_HEAD)[_MARK_AT:] == _MARK
    except OSError:
        return False


def set_aside(path: Path, inode: int) -> None:
    """Move a damaged file out of the way, if it still is the one of *inode*.

    Raises:
        ForeignFileError: Nothing proves that it was a log.
    """
    if not _was_ours(path):
        raise ForeignFileError(
            f"{path} is no database, or a damaged one that does not say whose it is: it is left as it is; "
            "set FLOWSTONE_PUBSUB_URL to another file, or move it away"
        )
    try:
        if path.stat().st_ino != inode:
            return  # another process was faster
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
        path.rename(path.with_name(f"{path.name}.corrupt-{stamp}-{os.getpid()}"))
    except FileNotFoundError:
        return
    count("pubsub.corrupt")
    for suffix in ("-wal", "-shm"):
        # A log of the damaged file must not be replayed into the new one.
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def inode_of(path: Path | str) -> int:
    """Return what tells one file at *path* from the next while the former is open; 0 where there is none."""
    try:
        return os.stat(path).st_ino  # noqa: PTH116  # at each use, and half the price of Path.stat
    except OSError:
        return 0
