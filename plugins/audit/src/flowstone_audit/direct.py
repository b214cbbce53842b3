"""Transactions on the driver's own connections: SQLAlchemy's way costs a third of a commit to the disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from time import monotonic
from types import TracebackType
from typing import Any, Protocol

from sqlalchemy import Connection, PoolProxiedConnection

from flowstone_audit import engines
from flowstone_audit.binary import Executor
from flowstone_audit.errors import Unavailable


class Place(Protocol):
    """The database, as far as a transaction needs it."""

    traced: bool
    is_sqlite: bool
    name: str
    driver_error: type[Exception]

    def begin_turn(self, timeout: float) -> None:
        """Have the right to write from now on."""
        ...

    def end_turn(self) -> None:
        """Let others write."""
        ...

    def plain(self, deadline: float) -> AbstractContextManager[Connection]:
        """Have a connection of SQLAlchemy in a write transaction."""
        ...

    def kept_driver(self) -> PoolProxiedConnection:
        """Return a driver's connection."""
        ...

    def keep_driver(self, connection: PoolProxiedConnection) -> None:
        """Take it back."""
        ...


Execute = Callable[[str, Any], Any]
"""Runs a statement in the driver's own parameter style; returns its cursor. Parameters are a tuple, or, for one
execution each, a list of tuples."""


class Transaction:
    """One write transaction, committed at the end of the block; of one use.

    Args:
        database: Where; its threads take turns in SQLite.
        timeout: Seconds within which all of it has to be done.
        single: Whether it is of one statement: that is committed by itself, for one journey to PostgreSQL in place of
            three, and in SQLite one turn of the interpreter, with the same lock.
    """

    __slots__ = ("_around", "_block", "_database", "_deadline", "_driver", "_fairy", "_quiet", "_single")

    def __init__(self, database: Place, timeout: float, *, single: bool = False) -> None:
        self._database = database
        self._deadline = monotonic() + timeout
        self._single = single
        self._fairy: Any = None
        self._driver: Any = None
        self._block: Any = None
        self._around: AbstractContextManager[Connection] | None = None
        self._quiet: object = None

    def __enter__(self) -> Execute:
        database = self._database
        database.begin_turn(self._deadline - monotonic())
        try:
            if database.traced:
                self._around = database.plain(self._deadline)
                return self._around.__enter__().exec_driver_sql
            self._fairy = database.kept_driver()
            self._driver = driver = self._fairy.driver_connection
            if type(driver) is not sqlite3.Connection:  # on that one nobody can listen
                self._quiet = engines.hush()
            if database.is_sqlite:
                if not self._single:
                    driver.execute("BEGIN IMMEDIATE")
                execute: Execute = driver.execute
                return execute
            return self._begun(driver)
        except BaseException as error:
            self._end(failed=True)
            raise self._told(error) from error

    def _begun(self, driver: Any) -> Execute:
        """Begin in PostgreSQL; kept connections are in autocommit."""
        driver.deadline = self._deadline
        if not self._single:
            self._block = driver.transaction()
            self._block.__enter__()
        return Executor(driver)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if self._around is not None:
                self._around.__exit__(kind, error, traceback)
            elif self._block is not None:
                self._block.__exit__(kind, error, traceback)
            elif error is None and self._database.is_sqlite:
                self._driver.commit()
        except BaseException as raised:
            self._end(failed=True)
            raise self._told(raised) from raised
        self._end(failed=error is not None)
        if error is not None and self._told(error) is not error:
            raise self._told(error) from error

    def _end(self, *, failed: bool) -> None:
        fairy, self._fairy = self._fairy, None
        try:
            if fairy is not None and failed:
                self._give_up(fairy)
            elif fairy is not None:
                if not self._database.is_sqlite:
                    self._driver.deadline = None
                self._database.keep_driver(fairy)
        finally:
            if self._quiet is not None:
                engines.unhush(self._quiet)
            self._database.end_turn()

    def _give_up(self, fairy: PoolProxiedConnection) -> None:
        with suppress(Exception):  # the first error is the one to tell
            fairy.invalidate()  # its server may still be at it, or be another by now; and it is in autocommit

    def _told(self, error: BaseException) -> BaseException:
        """Return what the caller is told: errors of drivers have no common base."""
        if isinstance(error, self._database.driver_error):
            return Unavailable(f"{self._database.name}: {engines.reason_of(error)}")
        return error
