"""Entries that wait in a spool of the test's own."""

from __future__ import annotations

from pathlib import Path

from flowstone.plugin import RunStart
from flowstone.testing.samples import sample
from flowstone_audit import recorder


def spooled(count: int, together: int = 1000) -> tuple[Path, list[str]]:
    """Put events into this process's spool, so many together; close it, and return its segment and their ids."""
    keeper = recorder.current()
    events = [sample(RunStart) for _ in range(count)]
    for begin in range(0, count, together):
        keeper.gather(events[begin : begin + together])
        keeper.settle()
    keeper.close()
    (segment,) = sorted(keeper.config.spool.glob("*.spool"))
    return segment, [one.id for one in events]
