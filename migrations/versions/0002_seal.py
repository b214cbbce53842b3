"""The seals of the Merkle tree, and what is said once of the log."""

from __future__ import annotations

from typing import Final

from alembic.runtime.migration import MigrationContext

from flowstone_audit import frozen

revision: Final = "0002"
down_revision: Final = "0001"


def upgrade(database: MigrationContext | None = None) -> None:
    """Make the tables of seals and of the log's identity: insert-only."""
    frozen.upgrade("0002_seal", database)


def downgrade(database: MigrationContext | None = None) -> None:
    """Drop the seals; no proof can be given any more."""
    frozen.downgrade("0002_seal", database)
