"""Compiled dispatch against pluggy's own call, for one hook with 5 implementations."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import perf_counter_ns
from typing import Any

import pluggy

from benchmarks import explain
from benchmarks.rounds import interleave, rounds_of
from benchmarks.rows import Report, ratio
from flowstone.catalogue.materialization import MaterializationStart
from flowstone.catalogue.registry import builtin_events
from flowstone.dispatch.compiled import implementations, notifier
from flowstone.dispatch.markers import PROJECT, hookimpl
from flowstone.dispatch.specs import event_specs

HOOK = "on_materialization_start"
CALLS = 20_000


class _Observer:
    seen = 0

    @hookimpl
    def on_materialization_start(self, event: MaterializationStart) -> None:
        """Take the event."""


def run(quick: bool) -> Report:
    """Measure both ways of calling the same registrations."""
    ways = _ways()
    found = interleave({name: partial(_time, way) for name, way in ways.items()}, rounds_of(quick))
    ours = found["compiled"]
    rows = (
        ratio("pluggy's call / compiled call", ours, found["pluggy"], must=8, aim=12, sense="least"),
        ratio("compiled call / a hand-written loop", ours, found["loop"]),
    )
    told = "The specification and the marker are flowstone's own; 5 implementations that do nothing."
    report = Report(rows=rows, notes=(told,))
    return report.because(lambda: explain.top(f"{CALLS} compiled calls", lambda: ways["compiled"](CALLS)))


def _ways() -> dict[str, Callable[[int], None]]:
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(event_specs(builtin_events()))
    observers = [_Observer() for _ in range(5)]
    for observer in observers:
        manager.register(observer)
    hook = getattr(manager.hook, HOOK)
    compiled = notifier(HOOK, implementations(hook, lambda name: False), lambda *failure: None)
    assert compiled is not None
    event: Any = MaterializationStart(asset="daily_report")
    bound = [observer.on_materialization_start for observer in observers]

    def by_pluggy(count: int) -> None:
        for _ in range(count):
            hook(event=event)

    def by_us(count: int) -> None:
        for _ in range(count):
            compiled(event)

    def by_loop(count: int) -> None:
        for _ in range(count):
            for call in bound:
                call(event)

    return {"pluggy": by_pluggy, "compiled": by_us, "loop": by_loop}


def _time(loop: Callable[[int], None]) -> float:
    began = perf_counter_ns()
    loop(CALLS)
    return (perf_counter_ns() - began) / 1000 / CALLS
