"""Flush points: what waits goes into the database where it is at hand; a short process leaves it to others."""

from __future__ import annotations

import sys
from time import monotonic
from typing import Final

from flowstone_audit import recorder

_MARGIN_S: Final = 0.1


def flush(timeout: float) -> bool:
    """Ingest within *timeout* seconds where the database is open; return whether nothing is only in memory.

    Opening it costs a short process more than all it had to do, so that is left to the chores, to the next
    process, or to the first query.
    """
    keeper = recorder.peek()
    if keeper is None or not keeper.is_at_work:
        return True
    deadline = monotonic() + timeout - _MARGIN_S
    try:
        keeper.spool.restore()
    except OSError:  # the file was removed, and no other can be made: nobody but us can read it
        return False
    if keeper.chores.is_open and timeout > 2 * _MARGIN_S:
        keeper.chores.ingest(deadline - monotonic())
    return not keeper.losses.held


def shutdown(timeout: float) -> bool:
    """Flush, end the thread, and let go of files and connections."""
    done = flush(timeout)
    keeper = recorder.peek()
    if keeper is not None:
        keeper.close()
        used = sys.modules.get("flowstone_audit.database")
        if used is not None:  # importing SQLAlchemy to close nothing would double a short process's life
            used.close_all()
    return done
