"""Whether this user may do what takes a role of its own, asked before anything is put on record or done."""

from __future__ import annotations

from typing import Final

from sqlalchemy import text

from flowstone_audit.database import Database
from flowstone_audit.errors import NotPermitted

_ERASER: Final = text(
    "SELECT current_user, has_table_privilege('flowstone_audit_erasure', 'INSERT')"
    " AND has_table_privilege('flowstone_audit_floor', 'INSERT')"
    " AND has_table_privilege('flowstone_audit_log', 'DELETE')"
    " AND has_column_privilege('flowstone_audit_log', 'nonce', 'UPDATE')"
)


def see_eraser(database: Database, what: str) -> None:
    """See that this user has what a member of ``flowstone_audit_eraser`` has; in SQLite everybody has.

    Args:
        database: Of the log.
        what: What it is for, such as ``erasing``.

    Raises:
        NotPermitted: It has not.
        Unavailable: The database cannot be reached.
    """
    if database.is_sqlite:
        return
    with database.connect() as connection:
        user, may = connection.execute(_ERASER).one()
    if not may:
        raise NotPermitted(f"{what} takes a member of the role flowstone_audit_eraser; {user} is none")
