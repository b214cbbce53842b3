"""The SQL of the revisions: one file a revision, database and direction, never changed once released."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext

MIGRATIONS: Final = Path(__file__).parent / "migrations"
"""Alembic's folder; a link to the repository's ``migrations`` here, a plain folder in the wheel."""

REVISIONS: Final = ("0001_log", "0002_seal", "0003_privacy", "0004_moments")
"""The revisions by file name, oldest first; their ids are the digits."""


def statements(revision: str, dialect: str, direction: str) -> list[str]:
    """Return the statements of a file, without their closing semicolons; none where there is no file.

    In these files a blank line stands between statements, and nowhere else.

    Args:
        revision: Such as ``0001_log``.
        dialect: ``sqlite`` or ``postgresql``.
        direction: ``up``, ``down`` or ``roles``.
    """
    path = MIGRATIONS / dialect / f"{revision}.{direction}.sql"
    if not path.exists():
        return []
    return [part.strip().removesuffix(";") for part in path.read_text("utf-8").split("\n\n") if part.strip()]


def upgrade(revision: str, database: MigrationContext | None = None) -> None:
    """Run a revision's statements, then its grants; called by a revision.

    Args:
        revision: Such as ``0001_log``.
        database: Where to. Without it, to the one that Alembic's own command has in its hands: its global
            ``op`` belongs to one thread of a process at a time, and ``migrating`` runs beside hosts which
            migrate tables of their own.
    """
    _run(revision, "up", database)
    _run(revision, "roles", database)


def downgrade(revision: str, database: MigrationContext | None = None) -> None:
    """Take a revision back. Roles stay: other databases of the server may use them.

    Args:
        revision: As of ``upgrade``.
        database: As of ``upgrade``.
    """
    _run(revision, "down", database)


def _run(revision: str, direction: str, database: MigrationContext | None) -> None:
    if database is None:
        from alembic import op

        database = op.get_context()
    for statement in statements(revision, database.dialect.name, direction):
        database.execute(statement)
