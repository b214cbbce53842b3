"""Where in the log a subscription begins."""

from __future__ import annotations

from datetime import datetime, timedelta
from time import time_ns
from typing import Final, Literal

from flowstone_pubsub.engines.base import Engine, Record

_PAGE: Final = 64
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
    """Return the seq before the first record that is not older than *moment* (Unix ns).

    It is searched for by halves, for records stand nearly in the order of time: what several processes published at
    once may stand some milliseconds out of it.
    """
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
