"""Rounds: every subject once per round, in shuffled order, so that all share whatever else goes on."""

from __future__ import annotations

import gc
import random
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import perf_counter_ns, process_time_ns, thread_time_ns
from typing import TypeVar

T = TypeVar("T")

FULL_ROUNDS = 21
QUICK_ROUNDS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one operation cost, in microseconds.

    Attributes:
        caller: On the caller's clock.
        cpu: Of the process: every thread, flush included.
        background: The part of ``cpu`` that was not the calling thread's.
    """

    caller: float
    cpu: float
    background: float


def cost(loop: Callable[[int], object], settle: Callable[[], object], count: int) -> Cost:
    """Time ``loop(count)`` on the caller, and the process until ``settle()`` has delivered everything."""
    cpu, mine = process_time_ns(), thread_time_ns()
    began = perf_counter_ns()
    loop(count)
    took = perf_counter_ns() - began
    settle()
    mine = thread_time_ns() - mine
    cpu = process_time_ns() - cpu
    scale = 1000 * count
    return Cost(caller=took / scale, cpu=cpu / scale, background=(cpu - mine) / scale)


def interleave(
    subjects: Mapping[str, Callable[[], T]], rounds: int, *, warm_up: int = 2
) -> dict[str, list[T]]:
    """Return what each subject measured, one value per round.

    What lives after the warm-up is frozen, and garbage is collected before each measurement, so
    that all find the same heap; the collector stays on while they run.
    """
    for _ in range(warm_up):
        for measure in subjects.values():
            measure()
    gc.collect()
    gc.freeze()
    shuffle = random.Random(20250115).shuffle
    found: dict[str, list[T]] = {name: [] for name in subjects}
    order = list(subjects)
    for number in range(rounds):
        shuffle(order)
        for name in order:
            gc.collect()
            found[name].append(subjects[name]())
        print(f"  round {number + 1} of {rounds}", end="\r", file=sys.stderr, flush=True)
    gc.unfreeze()
    print(" " * 20, end="\r", file=sys.stderr)
    return found


def rounds_of(quick: bool) -> int:
    """Return how many rounds to measure."""
    return QUICK_ROUNDS if quick else FULL_ROUNDS
