"""Telemetry on a 1 ms CPU-bound unit of work, where it happens: caches cold, the drain alive beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import mean, median
from time import perf_counter_ns, process_time_ns, thread_time_ns

import flowstone
from benchmarks import explain, subject
from benchmarks.anchor import Anchor
from benchmarks.rounds import interleave, rounds_of
from benchmarks.rows import Report, Row, ratio, value
from benchmarks.work import PARTITIONS, unit_of

UNIT_US = 1000.0


@dataclass(frozen=True, slots=True)
class Share:
    """What telemetry took per unit, in microseconds.

    Attributes:
        caller: Median of the clock around the emission alone.
        caller_mean: Its mean: waiting for the interpreter is in it.
        background: CPU of the other threads.
        unit: CPU of the unit itself, median of the same round.
    """

    caller: float
    caller_mean: float
    background: float
    unit: float

    def percent(self, part: float) -> float:
        """Return *part* as a percentage of the unit."""
        return 100 * part / self.unit


def run(quick: bool) -> Report:
    """Measure the share of telemetry."""
    subject.set_up()
    work = unit_of(UNIT_US)
    units = 100 if quick else 200
    anchor = Anchor()
    found = interleave(
        {
            "ours": lambda: _share(work, _emit, subject.settle, units),
            "anchor": lambda: _share(work, lambda number: anchor.loop(1), anchor.settle, units),
        },
        rounds_of(quick),
        warm_up=1,
    )
    mean = _of(found["ours"], "caller_mean")
    told = (
        "Clock around the emission, right after 1 ms of other work: its median, plus the CPU of all other "
        f"threads per unit, flush once per {units} units. Mean on the caller: {mean}."
    )
    return Report(rows=_rows(found["ours"], found["anchor"]), notes=(told,)).because(explain.drain)


def _rows(ours: list[Share], bare: list[Share]) -> tuple[Row, ...]:
    caller, background, unit = (_of(ours, part) for part in ("caller", "background", "unit"))
    return (
        value(
            "telemetry on a 1 ms unit, in situ",
            "%",
            [share.percent(share.caller + share.background) for share in ours],
            must=4,
            aim=1,
            detail=f"caller {caller}, background {background} of {unit}",
        ),
        value("of it the caller's", "%", [share.percent(share.caller) for share in ours]),
        value(
            "a bare SDK span on the same unit",
            "%",
            [share.percent(share.caller + share.background) for share in bare],
        ),
        ratio(
            "caller in situ / bare span in situ",
            [share.caller for share in ours],
            [share.caller for share in bare],
        ),
    )


def _emit(number: int) -> None:
    with flowstone.materialization("daily_report", partition=PARTITIONS[number % 365]):
        pass


def _share(
    work: Callable[[], object], emit: Callable[[int], object], settle: Callable[[], object], units: int
) -> Share:
    took, worked = [], []
    with flowstone.run("nightly", run_id="run-1"):
        background = process_time_ns() - thread_time_ns()
        for number in range(units):
            since = thread_time_ns()
            work()
            worked.append((thread_time_ns() - since) / 1000)
            began = perf_counter_ns()
            emit(number)
            took.append((perf_counter_ns() - began) / 1000)
        settle()
        background = process_time_ns() - thread_time_ns() - background
    return Share(median(took), mean(took), background / 1000 / units, median(worked))


def _of(shares: list[Share], part: str) -> str:
    every = [getattr(share, part) for share in shares]
    return f"{min(every):.4g} ({median(every):.4g}) us"
