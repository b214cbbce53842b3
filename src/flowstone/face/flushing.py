"""Flush and shutdown: the only waits that the user asks for."""

from __future__ import annotations

from math import isnan
from typing import Final

from flowstone.runtime import engine

_LONGEST_S: Final = 86_400.0  # longer than anybody waits, and what locks and threads can count


def flush(timeout: float = 2.0) -> bool:
    """Wait until all that was emitted before is delivered to the plugins and exported.

    Args:
        timeout: Seconds to wait at most; what is no number counts as the default.

    Returns:
        True if all of it arrived in time, as the receivers themselves answered.
    """
    return engine.flush(_seconds(timeout, 2.0))


def shutdown(timeout: float = 5.0) -> bool:
    """Flush, then let plugins go of their connections and threads.

    Args:
        timeout: Seconds to wait at most, in total; what is no number counts as the default.

    Returns:
        True if all that was emitted arrived in time.
    """
    return engine.shutdown(_seconds(timeout, 5.0))


def _seconds(given: object, default: float) -> float:
    """Return a time-out that can be waited for, whatever was given."""
    try:
        seconds = float(given)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return _LONGEST_S if isinstance(given, int) and given > 0 else default
    return default if isnan(seconds) else min(max(seconds, 0.0), _LONGEST_S)
