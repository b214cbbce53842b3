"""A spool for one entry: of a signal handler or a destructor, which came while its thread was at the other one."""

from __future__ import annotations

from pathlib import Path
from secrets import token_hex

from flowstone_audit.row import Row
from flowstone_audit.spool.appender import Appender


def keep(home: Path, writer: str, max_bytes: int, draft: Row) -> Row:
    """Write an entry of a writer of its own, and return it; on the disk, and ingested as that of a process that is gone.

    Nothing is waited for that the thread may hold: what the process has one of is left alone.

    Args:
        home: The folder of the spools.
        writer: This process: ``host/pid/8 hex digits``.
        max_bytes: What all spools of the home may take together.
        draft: The entry, without a place.

    Raises:
        OSError: The disk is full or broken, or the budget used up.
    """
    spool = Appender(home, f"{writer.rpartition('/')[0]}/{token_hex(4)}", max_bytes)
    try:
        row = spool.placed(draft._replace(writer=spool.writer))
        spool.append([row])
        spool.sync()
    finally:
        spool.close()
    return row
