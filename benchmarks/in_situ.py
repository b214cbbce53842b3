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
UNITS = 200
"""Units between two flushes; with fewer the flushes would be what is measured."""
BOUND = 4.0
"""Percent of the unit that telemetry may take (docs/decisions/0012)."""


@dataclass(frozen=True, slots=True)
class Share:
    """What telemetry took per unit, in microseconds.

    Attributes:
        caller: Median of the clock around the emission alone.
        caller_mean: Its mean: waiting for the interpreter is in it.
        background: CPU of the other threads.
        unit: CPU of the unit itself, median of the same round.
        process: CPU of the whole process per unit, the work included.
    """

    caller: float
    caller_mean: float
    background: float
    unit: float
    process: float

    def percent(self, part: float) -> float:
        """Return *part* as a percentage of the unit."""
        return 100 * part / self.unit


class Work:
    """The unit of work, made anew for each round.

    A unit that was measured out in a slow moment lasts 0.7 ms in a fast one, and the share of the
    same telemetry seems half as much again. All subjects of a round get the same unit.

    Args:
        subjects: How many subjects a round has.
    """

    def __init__(self, subjects: int) -> None:
        self._subjects, self._taken = subjects, 0
        self._unit = unit_of(UNIT_US)

    def take(self) -> Callable[[], object]:
        """Return the unit for the next subject."""
        if self._taken % self._subjects == 0:
            self._unit = unit_of(UNIT_US)
        self._taken += 1
        return self._unit


def run(quick: bool) -> Report:
    """Measure the share of telemetry."""
    subject.set_up()
    work = Work(subjects=3)
    anchor = Anchor()
    found = interleave(
        {
            "ours": lambda: _share(work.take(), _emit, subject.settle, UNITS),
            "anchor": lambda: _share(work.take(), lambda number: anchor.loop(1), anchor.settle, UNITS),
            "none": lambda: _share(work.take(), lambda number: None, lambda: None, UNITS),
        },
        rounds_of(quick),
        warm_up=1,
    )
    mean = _of(found["ours"], "caller_mean")
    told = (
        "Clock around the emission, right after 1 ms of other work: its median, plus the CPU of all other "
        f"threads per unit, flush once per {UNITS} units. Mean on the caller: {mean}. The unit is measured "
        "out anew for each round, to be 1 ms at the speed of the moment."
    )
    check = (
        "By the process's CPU, as a check: what a round with telemetry used more than the same work without "
        "it in the same round, whoever used it; that contains what cold caches cost the work. The work "
        "alone differs by some percent between two rounds, so single rounds mean little."
    )
    rows = _rows(found["ours"], found["anchor"], found["none"])
    return Report(rows=rows, notes=(told, check)).because(explain.drain)


def _rows(ours: list[Share], bare: list[Share], none: list[Share]) -> tuple[Row, ...]:
    caller, background, unit = (_of(ours, part) for part in ("caller", "background", "unit"))
    all_of_ours = [share.percent(share.caller + share.background) for share in ours]
    all_of_bare = [share.percent(share.caller + share.background) for share in bare]
    # Where caches are so cold that a bare span alone takes more, the percentage tells of the machine.
    telling = median(all_of_bare) <= BOUND
    return (
        _in_spans(all_of_ours, all_of_bare),
        value(
            "telemetry on a 1 ms unit, in situ",
            "%",
            all_of_ours,
            must=BOUND if telling else None,
            aim=1 if telling else None,
            detail=f"caller {caller}, background {background} of {unit}",
        ),
        value("of it the caller's", "%", [share.percent(share.caller) for share in ours]),
        value("a bare SDK span on the same unit", "%", all_of_bare),
        value("the first, by the process's CPU with and without", "%", _more(ours, none)),
        value("a bare SDK span, by the process's CPU with and without", "%", _more(bare, none)),
        ratio(
            "caller in situ / bare span in situ",
            [share.caller for share in ours],
            [share.caller for share in bare],
        ),
    )


def _in_spans(ours: list[float], bare: list[float]) -> Row:
    """Return how many bare SDK spans all of telemetry is, round by round."""
    return Row(
        what="in situ, all of it / bare SDK span in situ",
        unit="x",
        best=min(ours) / min(bare),
        median=median(mine / theirs for mine, theirs in zip(ours, bare, strict=True)),
        must=1.2,
        aim=0.3,
        detail=f"{median(ours):.3g} % of the unit against {median(bare):.3g} %",
    )


def _more(shares: list[Share], none: list[Share]) -> list[float]:
    """Return how much more CPU the process used than without telemetry, pair by pair, in percent."""
    return [
        100 * (share.process - bare.process) / bare.process for share, bare in zip(shares, none, strict=True)
    ]


def _emit(number: int) -> None:
    with flowstone.materialization("daily_report", partition=PARTITIONS[number % 365]):
        pass


def _share(
    work: Callable[[], object], emit: Callable[[int], object], settle: Callable[[], object], units: int
) -> Share:
    took, worked = [], []
    with flowstone.run("nightly", run_id="run-1"):
        process = process_time_ns()
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
        process = process_time_ns() - process
    return Share(
        caller=median(took),
        caller_mean=mean(took),
        background=background / 1000 / units,
        unit=median(worked),
        process=process / 1000 / units,
    )


def _of(shares: list[Share], part: str) -> str:
    every = [getattr(share, part) for share in shares]
    return f"{min(every):.4g} ({median(every):.4g}) us"
