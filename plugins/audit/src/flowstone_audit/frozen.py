"""The SQL of the revisions: one file a revision, database and direction, never changed once released."""

from __future__ import annotations

from pathlib import Path
from typing import Final

MIGRATIONS: Final = Path(__file__).parent / "migrations"
"""Alembic's folder; a link to the repository's ``migrations`` here, a plain folder in the wheel."""

DIALECTS: Final = ("sqlite", "postgresql")
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


def upgrade(revision: str) -> None:
    """Run a revision's statements, then its grants; called by Alembic."""
    _run(revision, "up")
    _run(revision, "roles")


def downgrade(revision: str) -> None:
    """Take a revision back; called by Alembic. Roles stay: other databases of the server may use them."""
    _run(revision, "down")


def _run(revision: str, direction: str) -> None:
    from alembic import op

    for statement in statements(revision, op.get_context().dialect.name, direction):
        op.execute(statement)
