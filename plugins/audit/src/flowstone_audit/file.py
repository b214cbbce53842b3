"""The file of a SQLite database, which somebody may remove or replace while we have it open."""

from __future__ import annotations

import os
from typing import Any, Final

from sqlalchemy import Engine, PoolProxiedConnection, event
from sqlalchemy.exc import InvalidatePoolError

Number = tuple[int, int]
_NUMBER: Final = "flowstone_file"


class File:
    """Knows of each connection which file it has open, and keeps those of another one out of use.

    Args:
        engine: Whose connections; those to a server have no file, and are never behind.
    """

    def __init__(self, engine: Engine) -> None:
        is_sqlite = engine.dialect.name == "sqlite"
        self._path = (engine.url.database or "") if is_sqlite else ""
        if is_sqlite:
            event.listen(engine, "do_connect", self._note)
            event.listen(engine, "checkout", self._look)

    def number(self) -> Number:
        """Return what tells one file from the next at its place; zeros where there is none."""
        if not self._path:
            return 0, 0
        try:
            found = os.stat(self._path)  # noqa: PTH116  # a query asks, and Path takes as long again
        except OSError:
            return 0, 0
        return found.st_dev, found.st_ino

    def is_behind(self, connection: PoolProxiedConnection) -> bool:
        """Tell whether another file, or none, is in the place of the one that *connection* has open."""
        return bool(self._path) and connection.info.get(_NUMBER) != self.number()

    def _note(self, dialect: object, record: Any, args: list[Any], named: dict[str, Any]) -> None:
        """Note which file is opened now: asked before, so that one that comes between is taken for another."""
        if record is not None:
            record.info[_NUMBER] = self.number()

    def _look(self, driver: object, record: Any, fairy: object) -> None:
        """Have the pool open others in the place of those that are behind."""
        if record.info.get(_NUMBER) != self.number():
            raise InvalidatePoolError
