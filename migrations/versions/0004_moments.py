"""When an entry happened: a moment that can be hashed, written and read again."""

from __future__ import annotations

from typing import Final

from alembic.runtime.migration import MigrationContext

from flowstone_audit import frozen

revision: Final = "0004"
down_revision: Final = "0003"


def upgrade(database: MigrationContext | None = None) -> None:
    """Have the guards refuse an ``occurred_at`` that is infinite, before 1970 or behind 9999."""
    frozen.upgrade("0004_moments", database)


def downgrade(database: MigrationContext | None = None) -> None:
    """Let any in again."""
    frozen.downgrade("0004_moments", database)
