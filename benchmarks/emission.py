"""One materialization: the caller's time and the process's CPU, against a bare span."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks import explain, stages, subject
from benchmarks.anchor import Anchor
from benchmarks.rounds import Cost, interleave, rounds_of
from benchmarks.rows import Report, Row, ratio
from flowstone.runtime.drain import PERIOD_S


def run(quick: bool) -> Report:
    """Measure emission."""
    import flowstone_pubsub

    subject.set_up()
    count = 500 if quick else 1000
    with flowstone_pubsub.subscribe(
        "materializations"
    ) as subscription:  # nobody reads it: the oldest make room
        found = interleave(_subjects(count), rounds_of(quick))
        assert subscription.depth, "no message came to the subscriber"
    clocks = (
        f"Caller: bursts of {count}, flushed outside the clock (the drain wakes "
        f"{1000 * PERIOD_S:.0f} ms after a burst began); "
        "CPU: the flush is inside, every thread counted. Both sides in the same rounds."
    )
    notes = (subject.SIGNALS, clocks, *stages.lines(stages.measure(count)))
    report = Report(rows=tuple(_rows(found)), notes=notes)
    return report.because(lambda: (*explain.drain(count), *explain.caller(lambda: subject.plain(count))))


def _subjects(count: int) -> dict[str, Callable[[], Cost]]:
    anchor = Anchor()
    return {
        "anchor": lambda: anchor.cost(count),
        "ours": lambda: subject.measure(count),
        "ours, 8 attributes": lambda: subject.measure(count, attributes=True),
        "ours, queues": lambda: subject.measure_with_queues(count),
    }


def _rows(found: dict[str, list[Cost]]) -> list[Row]:
    caller = {name: [cost.caller for cost in costs] for name, costs in found.items()}
    cpu = {name: [cost.cpu for cost in costs] for name, costs in found.items()}
    ours, queues = "ours", "ours, queues"
    return [
        ratio("caller / bare SDK span", caller[ours], caller["anchor"], must=0.15, aim=0.05),
        ratio("caller / bare SDK span, 8 user attributes", caller["ours, 8 attributes"], caller["anchor"]),
        ratio("process CPU / bare SDK span's", cpu[ours], cpu["anchor"], must=1.5, aim=0.3),
        ratio("process CPU, 8 user attributes", cpu["ours, 8 attributes"], cpu["anchor"]),
        ratio("process CPU, 12 queue puts", cpu[queues], cpu["anchor"]),
    ]
