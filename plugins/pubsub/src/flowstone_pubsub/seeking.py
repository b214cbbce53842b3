"""Where in the log a subscription begins."""

from __future__ import annotations

from datetime import datetime, timedelta
from time import time_ns
from typing import Final, Literal

from flowstone_pubsub.engines.base import Engine, Record

_PAGE: Final = 64
_MARGIN_NS: Final = 1_000_000_000  # between the clock here and that of the log
_MOST: Final = 2**63 - 1


def place_of(engine: Engine, since: Literal["earliest"] | int | timedelta | datetime | None) -> int | None:
    """Return the last seq that the subscriber does not want; None where it wants what comes from now on.

    Raises:
        ValueError: *since* is none of what it may be.
        EngineDown: The log has to be read for it, and cannot be.
    """
    if since is None:
        return None
    if since == "earliest":
        return max(engine.bounds()[0] - 1, 0)
    if isinstance(since, timedelta):
        return _behind(engine, time_ns() - int(since.total_seconds() * 1e9))
    if isinstance(since, datetime):
        return _behind(engine, int(since.timestamp() * 1e9))
    if isinstance(since, bool) or not isinstance(since, int) or not 0 <= since <= _MOST:
        raise ValueError(f"since is a seq, 'earliest', a timedelta or a datetime, not {since!r:.100}")
    return since


def _behind(engine: Engine, moment: int) -> int:
    """Return the seq before the first record that was added at *moment* (Unix ns) or later; somewhat earlier, to be safe.

    Records stand in the order in which they were added, by one clock. The times at which they say they happened are of
    many clocks, and what is an hour late by one of them may be the newest.
    """
    before = getattr(engine, "before", None)
    if before is None:
        return _halved(engine, moment)
    found: int = before(min(max(moment - _MARGIN_NS, 0), _MOST))
    return found


def _halved(engine: Engine, moment: int) -> int:
    """Return the same by the times at which records happened, of an engine that does not say when they were added."""
    oldest, newest = engine.bounds()
    low, high = max(oldest - 1, 0), newest  # the answer is in between
    while low < high:
        middle = (low + high) // 2
        record = next((one for one in engine.read(middle, _PAGE) if isinstance(one, Record)), None)
        if record is None or record.time >= moment:
            high = middle
        else:
            low = max(record.seq, middle + 1)
    return low
