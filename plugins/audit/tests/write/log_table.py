"""The log as the tests look at it: through the database, not through what is tested."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from flowstone_audit import database, ingest
from flowstone_audit.tables import log


class Log:
    """All entries of the configured database."""

    def rows(self, *, caught_up: bool = True) -> list[dict[str, Any]]:
        """Return the rows by ``seq``, with what waits in the spools brought in before."""
        if caught_up:
            ingest.catch_up(20.0)
        with database.connect() as connection:
            return [dict(row) for row in connection.execute(select(log).order_by(log.c.seq)).mappings()]

    def types(self) -> list[str]:
        """Return the event types by ``seq``."""
        return [row["event_type"] for row in self.rows()]
