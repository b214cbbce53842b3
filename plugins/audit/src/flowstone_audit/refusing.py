"""Whether the database refused an entry for what it holds, or could not do as asked for another reason.

The first is for good: tried again, it keeps all waiting that comes behind it. The second passes.
"""

from __future__ import annotations

import sqlite3
from typing import Final

_SQLITE: Final = frozenset(
    {
        sqlite3.SQLITE_CONSTRAINT_CHECK,
        sqlite3.SQLITE_CONSTRAINT_NOTNULL,
        sqlite3.SQLITE_TOOBIG,
        sqlite3.SQLITE_MISMATCH,
    }
)
"""Not a trigger's no: that is about the clock, or somebody's own trigger; nor a number given twice."""
_POSTGRESQL: Final = ("22", "23502", "23514")
"""Beginnings of SQLSTATE: values that do not fit, NULL, and checks, which the guards' no counts as."""
_PYTHON: Final = (OverflowError, TypeError, UnicodeError)
"""What a driver raises for values that it cannot send."""


def is_for_good(error: BaseException) -> bool:
    """Tell whether *error*, or what it was raised from, says that the entry itself cannot be taken."""
    seen: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and not any(link is one for one in seen):  # SQLAlchemy's may come round to itself
        if isinstance(link, _PYTHON) or _by_driver(link):
            return True
        seen.append(link)
        link = getattr(link, "orig", None) or link.__cause__
    return False


def _by_driver(error: BaseException) -> bool:
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", None) in _SQLITE
    state = getattr(error, "sqlstate", "")
    if state is None:  # psycopg's own, before anything was sent: such as a text with NUL
        return type(error).__name__ == "DataError"
    if not isinstance(state, str) or not state.startswith(_POSTGRESQL):
        return False
    # A constraint that is none of ours is somebody's way to keep entries out: they wait for its end.
    constraint = getattr(getattr(error, "diag", None), "constraint_name", None)
    return constraint is None or constraint.startswith("flowstone_audit")
