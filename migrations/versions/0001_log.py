"""The log, its guards and the roles."""

from __future__ import annotations

from typing import Final

from alembic.runtime.migration import MigrationContext

from flowstone_audit import frozen

revision: Final = "0001"
down_revision: Final = None


def upgrade(database: MigrationContext | None = None) -> None:
    """Make the log: insert-only, numbered and dated by the database."""
    frozen.upgrade("0001_log", database)


def downgrade(database: MigrationContext | None = None) -> None:
    """Drop the log with all its entries."""
    frozen.downgrade("0001_log", database)
