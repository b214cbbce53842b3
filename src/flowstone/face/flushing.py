"""Flush and shutdown: the only waits that the user asks for."""

from __future__ import annotations

from flowstone.runtime import engine


def flush(timeout: float = 2.0) -> bool:
    """Wait until all that was emitted before is delivered to the plugins and exported.

    Args:
        timeout: Seconds to wait at most.

    Returns:
        True if all of it arrived in time, as the receivers themselves answered.
    """
    return engine.flush(timeout)


def shutdown(timeout: float = 5.0) -> bool:
    """Flush, then let plugins go of their connections and threads.

    Args:
        timeout: Seconds to wait at most, in total.

    Returns:
        True if all that was emitted arrived in time.
    """
    return engine.shutdown(timeout)
