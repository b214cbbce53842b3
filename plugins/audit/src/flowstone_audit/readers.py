"""Connections that queries use one after the other: for a look-up SQLAlchemy's pool takes as long as the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Final

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

_MOST: Final = 4
_FRESH_S: Final = 1.0
"""Within it a connection is taken to work; later its server may have been restarted."""


class Readers:
    """Keeps a few idle connections, each out of the pool as long as it is kept.

    Args:
        opened: Opens one.
    """

    def __init__(self, opened: Callable[[], Connection]) -> None:
        self._opened = opened
        self._closed = 0
        self._idle: list[tuple[Connection, float]] = []

    @contextmanager
    def one(self) -> Iterator[Connection]:
        """Yield a connection; what fails, or was set up otherwise inside, is closed after the block."""
        closed = self._closed
        connection = self._kept() or self._made()
        options = connection.get_execution_options()
        try:
            yield connection
            if connection.in_transaction():
                connection.rollback()
        except BaseException:  # where a server has gone away, the others are of no use either
            connection.close()
            self.close()
            raise
        if closed != self._closed and not connection.closed:
            connection.invalidate()  # its pool is no more, and would not close it
        usable = not (connection.closed or connection.invalidated)
        if usable and connection.get_execution_options() is options and len(self._idle) < _MOST:
            self._idle.append((connection, monotonic()))
        else:
            connection.close()

    def close(self) -> None:
        """Close those that are idle; those in use, when they are given back."""
        self._closed += 1
        while self._idle:
            with suppress(SQLAlchemyError):
                self._idle.pop()[0].close()

    def _kept(self) -> Connection | None:
        """Return one that was kept; None where there is none that still works."""
        while self._idle:
            connection, since = self._idle.pop()
            if monotonic() - since < _FRESH_S or _answers(connection):
                return connection
            with suppress(SQLAlchemyError):
                connection.close()
        return None

    def _made(self) -> Connection:
        made = self._opened()
        if made.dialect.name != "sqlite":  # each query for itself: no BEGIN and ROLLBACK around it
            made.execution_options(isolation_level="AUTOCOMMIT")
        return made


def _answers(connection: Connection) -> bool:
    try:
        connection.execute(text("SELECT 1")).close()
        if connection.in_transaction():
            connection.rollback()
    except SQLAlchemyError:
        return False
    return True
