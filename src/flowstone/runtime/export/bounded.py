"""Calls that must return in time, whatever they call."""

from __future__ import annotations

from collections.abc import Callable

from flowstone.runtime import threads


def within(timeout: float, call: Callable[[], object]) -> bool:
    """Run *call* on a daemon thread; return its truth, False if it raised or did not end within *timeout* seconds.

    False too where no thread can be started: on the caller nothing would bound it.
    Foreign ``force_flush`` and ``shutdown`` take a timeout and ignore it, so theirs is not relied on.
    """
    result: list[object] = []

    def run() -> None:
        try:  # fault wall: foreign code, which may raise what it likes
            result.append(call())
        except Exception:
            result.append(False)

    thread = threads.start(run, "flowstone-bounded")
    if thread is None:
        return False
    thread.join(timeout)
    return bool(result and result[0] is not False)
