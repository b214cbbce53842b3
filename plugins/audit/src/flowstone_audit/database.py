"""This process's handle on the database: connections that are kept, bounded waits, nothing carried across a fork."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Final

from sqlalchemy import Connection, Engine, PoolProxiedConnection, event
from sqlalchemy.exc import DBAPIError

from flowstone_audit import config, engines
from flowstone_audit.direct import Transaction
from flowstone_audit.errors import Unavailable
from flowstone_audit.file import File, Number
from flowstone_audit.readers import Readers
from flowstone_audit.using import Use, Uses

_FORK_WAIT_S: Final = 0.25
_WAIT_S: Final = 5.0


class Database:
    """One database, as one process sees it.

    SQLite keeps its locks in a table of the process: a child that opens a file its parent had open finds
    locks there which it does not hold. So connections are closed before a fork; where one is in use and
    cannot be, the child stays away from the database, and its entries wait in its spool.

    Args:
        url: SQLAlchemy URL.
        trace: Whether its SQL is traced.
    """

    def __init__(self, url: str, *, trace: bool = False) -> None:
        self.engine: Engine = engines.make(url, trace=trace)
        self.traced = trace
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self.driver_error: type[Exception] = self.engine.dialect.dbapi.Error  # type: ignore[union-attr]
        self.name = self.engine.url.render_as_string(hide_password=True)
        self.pid = os.getpid()
        self.tainted = False
        self._prepared: Number | None = None
        self._one = engines.turn_of(self.engine.dialect)
        self._uses = Uses()
        self._kept: list[PoolProxiedConnection] = []
        self._file = File(self.engine)
        self._readers = Readers(self._opened)
        # A server that ended a connection may come back as another, with tables of another version.
        event.listen(self.engine, "invalidate", lambda *_: setattr(self, "prepared", False))

    @property
    def prepared(self) -> bool:
        """Whether tables of this version were seen, in the file that is there now."""
        if self._prepared is not None and self._prepared == self._file.number():
            return True
        self._readers.close()  # which may have another open; queries ask this before they use one
        return False

    @prepared.setter
    def prepared(self, seen: bool) -> None:
        self._prepared = self._file.number() if seen else None

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """Yield a connection for reading, or for writing where the caller begins by itself.

        Raises:
            Unavailable: The database cannot be reached.
        """
        with Use(self), self._opened() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a connection that is kept for queries; in PostgreSQL each of them is a transaction of its own.

        Raises:
            Unavailable: The database cannot be reached.
        """
        with Use(self), self._readers.one() as connection:
            yield connection

    @contextmanager
    def writing(self, timeout: float = _WAIT_S) -> Iterator[Connection]:
        """Yield a connection in a write transaction, committed at the end of the block.

        Args:
            timeout: Seconds within which all of it has to be done.

        Raises:
            Unavailable: The database cannot be reached, or stayed busy.
            sqlalchemy.exc.DBAPIError: A statement failed; nothing was written.
        """
        deadline = monotonic() + timeout
        self.begin_turn(timeout)
        try:
            with engines.quiet(self.traced), self.plain(deadline) as connection:
                yield connection
        finally:
            self.end_turn()

    def transaction(self, timeout: float = _WAIT_S, *, single: bool = False) -> Transaction:
        """Return a write transaction on a kept connection of the driver; see ``Transaction``."""
        return Transaction(self, timeout, single=single)

    def begin_turn(self, timeout: float) -> None:
        """Have the right to write: SQLite has one writer, and our threads wait for it without polling.

        Raises:
            Unavailable: Another thread has it, or this process must not touch the database.
        """
        if self.is_sqlite and not self._one.acquire(timeout=max(timeout, 0.0)):
            raise Unavailable(f"{self.name} is busy")
        try:
            self.enter()
        except BaseException:
            if self.is_sqlite:
                self._one.release()
            raise

    def end_turn(self) -> None:
        """Let others write."""
        self.leave()
        if self.is_sqlite:
            self._one.release()

    @contextmanager
    def plain(self, deadline: float) -> Iterator[Connection]:
        """Yield a connection of SQLAlchemy in a write transaction; the caller has the turn."""
        with self._opened().execution_options(**{engines.IMMEDIATE: True}) as connection:
            engines.bound(connection, deadline)
            try:
                yield connection
                connection.commit()
            except BaseException:
                if engines.is_waiting(connection):
                    connection.invalidate()
                raise
            engines.bound(connection, None)

    def kept_driver(self) -> PoolProxiedConnection:
        """Return a driver's connection that is kept for writing; the caller has the turn.

        Raises:
            Unavailable: The database cannot be reached.
        """
        try:
            kept = self._kept.pop()
        except IndexError:
            return self._new_driver()
        if not self._file.is_behind(kept):
            return kept
        kept.invalidate()  # somebody removed or replaced the file: do not write into the void
        self.close()
        raise Unavailable(f"{self.name} was removed or replaced")

    def _new_driver(self) -> PoolProxiedConnection:
        try:
            made = self.engine.raw_connection()
        except (DBAPIError, self.driver_error, OSError) as error:
            raise Unavailable(f"cannot reach {self.name}: {engines.reason_of(error)}") from error
        if not self.is_sqlite:
            engines.autocommit(made)
        return made

    def keep_driver(self, connection: PoolProxiedConnection) -> None:
        """Take a connection back for the next transaction."""
        self._kept.append(connection)

    def close(self) -> None:
        """Close all connections that are not in use; what is opened next may be another database."""
        self.prepared = False
        self._readers.close()
        while self._kept:
            with suppress(Exception):
                self._kept.pop().invalidate()
        self.engine.dispose()

    def _opened(self) -> Connection:
        try:
            return self.engine.connect()
        except (DBAPIError, self.driver_error, OSError) as error:
            raise Unavailable(f"cannot reach {self.name}: {engines.reason_of(error)}") from error

    def enter(self) -> None:
        """Begin to use connections, which a fork waits for.

        Raises:
            Unavailable: This process must not touch the database.
        """
        if self.tainted or self.pid != os.getpid():
            raise Unavailable(f"this process inherited an open connection to {self.name} through a fork")
        if not self._uses.begin(_WAIT_S):
            raise Unavailable(f"a fork is under way, {self.name} has to wait")

    def leave(self) -> None:
        """End it."""
        self._uses.end()

    def before_fork(self) -> None:
        """Close what can be closed in time; nothing is opened until the fork is done."""
        if self.is_sqlite and self._uses.rest(_FORK_WAIT_S):
            self.close()

    def holds_open(self) -> bool:
        """Tell whether connections are open, or were in use when this process was forked."""
        return bool(self._kept or self._uses.count)

    def after_fork_in_parent(self) -> None:
        """Go on."""
        self._uses.go_on()

    def after_fork_in_child(self) -> None:
        """Leave the parent's connections alone."""
        self.tainted = True
        _inherited.append((self.engine, self._kept, self._readers, self._uses))


_inherited: Final[list[object]] = []  # what is collected would be closed, and the parent's sessions with it
_tainted: Final[set[str]] = set()
_databases: dict[tuple[int, str, bool], Database] = {}
_making = threading.Lock()


def of(settings: config.Config) -> Database:
    """Return this process's handle on the database of *settings*.

    Raises:
        Unavailable: The audit log is switched off, or was in use by the parent when this process forked.
    """
    if settings.url is None:
        raise Unavailable("the audit log is switched off (FLOWSTONE_AUDIT_URL=off)")
    key = (os.getpid(), settings.url, settings.trace_sql)
    found = _databases.get(key)
    if found is None:
        with _making:
            found = _databases.get(key)
            if found is None:
                found = _databases[key] = Database(settings.url, trace=settings.trace_sql)
                found.tainted = settings.url in _tainted
    return found


def engine() -> Engine:
    """Return the engine of this process.

    Raises:
        Unavailable: The audit log is switched off.
        ValueError: A setting is malformed.
    """
    return of(config.load()).engine


@contextmanager
def connect() -> Iterator[Connection]:
    """Yield a connection of this process, for queries.

    Raises:
        Unavailable: The database cannot be reached, or the audit log is switched off.
        ValueError: A setting is malformed.
    """
    with of(config.load()).connect() as connection:
        yield connection


def close_all() -> None:
    """Close the connections of this process that are not in use."""
    for one in list(_databases.values()):
        one.close()


def _before_fork() -> None:
    for one in list(_databases.values()):
        one.before_fork()


def _after_fork_in_parent() -> None:
    for one in list(_databases.values()):
        one.after_fork_in_parent()


def _after_fork_in_child() -> None:
    global _making
    _making = threading.Lock()
    for (_, url, _), one in list(_databases.items()):
        if one.is_sqlite and one.holds_open():
            _tainted.add(url)
        one.after_fork_in_child()
    _databases.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child
    )
