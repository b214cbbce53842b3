"""The two doors through the guards: erasure of private columns, and retention."""

from __future__ import annotations

from typing import Final

from alembic.runtime.migration import MigrationContext

from flowstone_audit import frozen

revision: Final = "0003"
down_revision: Final = "0002"


def upgrade(database: MigrationContext | None = None) -> None:
    """Make the tables that open the doors, and put the doors into the guards."""
    frozen.upgrade("0003_privacy", database)


def downgrade(database: MigrationContext | None = None) -> None:
    """Close the doors."""
    frozen.downgrade("0003_privacy", database)
