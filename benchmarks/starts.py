"""How soon a start is out of the process: on an idle core, and beside CPU-bound code (law 3)."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from time import perf_counter, sleep, time_ns

import flowstone
from benchmarks import explain
from benchmarks.rows import Report, value
from flowstone.catalogue.event import Event
from flowstone.plugin import home, hookimpl
from flowstone.runtime import engine

IDLE_MS, BUSY_MS = 100, 500


class _Watch:
    """Notes when the plugins before it have written what they had, and how old the starts in it are."""

    def __init__(self) -> None:
        self.ages: list[float] = []
        self._starts: list[int] = []

    @hookimpl(trylast=True)
    def on_events(self, batch: Sequence[Event]) -> None:
        """Remember when starts happened."""
        self._starts += [event.time for event in batch if event.name == "materialization.start"]

    @hookimpl(trylast=True)
    def settle(self) -> None:
        """Note their ages, now that the store has committed."""
        now = time_ns()
        self.ages += [(now - start) / 1e6 for start in self._starts]
        self._starts = []


def run(quick: bool) -> Report:
    """Measure the ages of starts when the embedded store has them."""
    watch = _Watch()
    engine.current().plugins.register(watch, "watch")
    rng = random.Random(7)  # pauses, not secrets
    number = 40 if quick else 150
    idle = _ages(watch, number, lambda: sleep(rng.uniform(0.01, 0.12)))
    busy = _ages(watch, number, lambda: _spin(rng.uniform(0.01, 0.12)))
    kept = _committed(home() / "traces.db")
    report = Report(
        rows=(
            value("start in the store, idle core, p99", "ms", [_p99(idle)], must=IDLE_MS),
            value("start in the store, beside CPU-bound code, p99", "ms", [_p99(busy)], must=BUSY_MS),
            value("the same, p50, idle core", "ms", [sorted(idle)[len(idle) // 2]]),
        ),
        notes=(
            (
                f"Age of {number} starts each when the drain has let all plugins settle, the console's commit "
                f"({kept} rows in its file) among them; operations of 10 to 120 ms, one after the other."
            ),
        ),
    )
    return report.because(explain.drain)


def _ages(watch: _Watch, number: int, work: Callable[[], object]) -> list[float]:
    watch.ages.clear()
    with flowstone.run("nightly"):
        for _ in range(number):
            with flowstone.materialization("daily_report"):
                work()
    flowstone.flush()
    return list(watch.ages)


def _p99(ages: Sequence[float]) -> float:
    return sorted(ages)[max(0, int(len(ages) * 0.99) - 1)]


def _spin(seconds: float) -> None:
    until = perf_counter() + seconds
    while perf_counter() < until:
        pass


def _committed(store: Path) -> int:
    with closing(sqlite3.connect(store)) as connection:
        return int(connection.execute("SELECT count(*) FROM events").fetchone()[0])
