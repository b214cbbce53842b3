"""Why a bound was missed: the top of a profile."""

from __future__ import annotations

import cProfile
import io
import pstats
from collections.abc import Callable

import flowstone
from benchmarks import stages

SHOWN = 14


def top(title: str, work: Callable[[], object]) -> tuple[str, ...]:
    """Return the functions in which *work* spends its own time, most first."""
    profile = cProfile.Profile()
    profile.enable()
    try:
        work()
    finally:
        profile.disable()
    text = io.StringIO()
    pstats.Stats(profile, stream=text).strip_dirs().sort_stats("tottime").print_stats(SHOWN)
    shown = [line for line in text.getvalue().splitlines() if line.strip()]
    return (f"Profile of {title} (a profiler makes calls dearer than they are):", *shown[3:])


def caller(emit: Callable[[], object]) -> tuple[str, ...]:
    """Return where the caller's time goes while it emits inside a run."""
    with flowstone.run("profile"):
        return top("the caller", emit)


def drain(count: int = 2000) -> tuple[str, ...]:
    """Return where the drain's time goes: by stage, and by function."""
    spent = stages.measure(count)
    return (*stages.lines(spent), *top("the drain's work", spent.again))
