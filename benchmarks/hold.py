"""The longest hold of the interpreter by the drain, seen from a thread that never lets go by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter_ns, thread_time_ns
from typing import Any

import flowstone
from benchmarks import explain, subject
from benchmarks.rounds import interleave, rounds_of
from benchmarks.rows import Report, value
from flowstone.runtime import engine

GAP_NS = 100_000


@dataclass(frozen=True, slots=True)
class Hold:
    """Longest holds of one round, in milliseconds.

    Attributes:
        cpu: CPU of the dearest stretch: from taking its first records until the drain pauses.
        gap: Longest stand-still of the spinning thread during a stretch, no more than its CPU: what is
            beyond it is the operating system's doing.
    """

    cpu: float
    gap: float


def run(quick: bool) -> Report:
    """Measure the drain in its own rhythm, and during a flush."""
    subject.set_up()
    drain: Any = engine.current().drain
    stretches = _Watch(drain).stretches
    burst = 300 if quick else 1000
    found = interleave(
        {
            "paced": lambda: _hold(stretches, burst, _spin_until_drained),
            "flush": lambda: _hold(stretches, burst, _flush_while_spinning),
        },
        rounds_of(quick),
    )
    paced, flushed = found["paced"], found["flush"]
    worst = max(max(hold.cpu, hold.gap) for hold in paced)
    report = Report(
        rows=(
            value(
                "longest hold of the interpreter by the drain",
                "ms",
                [max(hold.cpu, hold.gap) for hold in paced],
                must=2,
                aim=0,
                detail=f"worst of all rounds {worst:.2f} ms",
            ),
            value("as a spinning thread saw it", "ms", [hold.gap for hold in paced]),
            value("the same while somebody waits in flush()", "ms", [hold.gap for hold in flushed]),
        ),
        notes=(
            (
                f"Each round emits {burst} materializations and spins on the clock while the drain works "
                "them off. A hold is the CPU time of one stretch (the drain looks between any two plugins whether it was "
                "long enough), after which it sleeps 0.1 ms and so lets go; time in which C code has let go (SQLite, "
                "files) counts as held, so this is an upper bound. The first chunk of a process, which "
                "imports, is not in it."
            ),
        ),
    )
    return report.because(explain.drain)


class _Watch:
    """Notes begin, end and CPU of each stretch from now on, in nanoseconds."""

    def __init__(self, drain: Any) -> None:
        self.stretches: list[tuple[int, int, int]] = []
        self._begun, self._cpu, self._hurried = 0, 0, False
        hold = drain.hold
        begin, let_go, step = hold.begin, hold.let_go, drain._step

        def begun(*, hurried: bool) -> None:
            begin(hurried=hurried)
            self._hurried = hurried
            self._begin()

        def paused() -> None:
            self._end()
            let_go()
            self._begin()

        def stepped(generation: int, *, last: bool) -> None:
            step(generation, last=last)
            if last or self._hurried:  # who is in a hurry does not pause: a chunk counts then
                self._end()
                self._begin()

        hold.begin, hold.let_go, drain._step = begun, paused, stepped

    def _begin(self) -> None:
        self._begun, self._cpu = perf_counter_ns(), thread_time_ns()

    def _end(self) -> None:
        self.stretches.append((self._begun, perf_counter_ns(), thread_time_ns() - self._cpu))


def _hold(
    stretches: list[tuple[int, int, int]], burst: int, spin: Callable[[], list[tuple[int, int]]]
) -> Hold:
    stretches.clear()
    with flowstone.run("nightly", run_id="run-1"):
        subject.plain(burst)
        gaps = spin()
        seen = list(stretches)
    subject.settle()
    held = [
        min(min(end, until) - max(begin, since), cpu)
        for begin, end, cpu in seen
        for since, until in gaps
        if since < end and begin < until
    ]
    return Hold(max((cpu for _, _, cpu in seen), default=0) / 1e6, max(held, default=0) / 1e6)


def _spin_until_drained() -> list[tuple[int, int]]:
    from flowstone.runtime import lane

    return _spin(lambda: not lane.records)


def _flush_while_spinning() -> list[tuple[int, int]]:
    from threading import Thread

    waiter = Thread(target=subject.settle)
    waiter.start()
    gaps = _spin(lambda: not waiter.is_alive())
    waiter.join()
    return gaps


def _spin(done: Callable[[], bool]) -> list[tuple[int, int]]:
    """Look at the clock without pause until *done*; return when it stood still."""
    gaps = []
    last = perf_counter_ns()
    deadline = last + 3_000_000_000
    while last < deadline:
        now = perf_counter_ns()
        if now - last > GAP_NS:
            gaps.append((last, now))
            if done():
                break
        elif not now % 64 and done():
            break
        last = now
    return gaps
