"""Connections that queries use one after the other: for a look-up SQLAlchemy's pool takes as long as the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

_MOST: Final = 4


class Readers:
    """Keeps a few idle connections, each out of the pool as long as it is kept.

    Args:
        opened: Opens one.
    """

    def __init__(self, opened: Callable[[], Connection]) -> None:
        self._opened = opened
        self._idle: list[Connection] = []

    @contextmanager
    def one(self) -> Iterator[Connection]:
        """Yield a connection; what fails, or was set up otherwise inside, is closed after the block."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._made()
        options = connection.get_execution_options()
        try:
            yield connection
            if connection.in_transaction():
                connection.rollback()
        except BaseException:  # where a server has gone away, the others are of no use either
            connection.close()
            self.close()
            raise
        usable = not (connection.closed or connection.invalidated)
        if usable and connection.get_execution_options() is options and len(self._idle) < _MOST:
            self._idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """Close those that are idle."""
        while self._idle:
            with suppress(SQLAlchemyError):
                self._idle.pop().close()

    def _made(self) -> Connection:
        made = self._opened()
        if made.dialect.name != "sqlite":  # each query for itself: no BEGIN and ROLLBACK around it
            made.execution_options(isolation_level="AUTOCOMMIT")
        return made
