"""One materialization: the caller's time and the process's CPU, against a bare span and hand-wiring."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from benchmarks import explain, stages, subject
from benchmarks.anchor import Anchor, NoExporter
from benchmarks.hand_wired import HandWired
from benchmarks.rounds import Cost, interleave, rounds_of
from benchmarks.rows import Report, Row, ratio
from flowstone.runtime.drain import PERIOD_S

_BY_HAND = (
    "By hand: SDK span, 4 instrument calls, 2 stdlib logging lines (orjson), 12 queue.Queue.put; with the "
    "stock OTLP/HTTP exporter into the same transport that sends nothing. Ours, there, feeds 6 queue.Queue "
    "subscribers too (12 puts, attached handlers)."
)


def run(quick: bool) -> Report:
    """Measure emission."""
    subject.set_up()
    count = 500 if quick else 1000
    found = interleave(_subjects(count), rounds_of(quick))
    clocks = (
        f"Caller: bursts of {count}, flushed outside the clock (the drain wakes "
        f"{1000 * PERIOD_S:.0f} ms after a burst began); "
        "CPU: the flush is inside, every thread counted. Both sides in the same rounds."
    )
    notes = (subject.SIGNALS, clocks, _BY_HAND, *stages.lines(stages.measure(count)))
    report = Report(rows=tuple(_rows(found)), notes=notes)
    return report.because(lambda: (*explain.drain(count), *explain.caller(lambda: subject.plain(count))))


def _subjects(count: int) -> dict[str, Callable[[], Cost]]:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    home = Path(os.environ["FLOWSTONE_HOME"])
    anchor = Anchor()
    by_hand = HandWired(NoExporter(), home / "hand.log", "quiet")
    otlp = OTLPSpanExporter(endpoint="http://127.0.0.1:9/v1/traces")
    by_hand_otlp = HandWired(otlp, home / "hand-otlp.log", "otlp")
    return {
        "anchor": lambda: anchor.cost(count),
        "ours": lambda: subject.measure(count),
        "ours, 8 attributes": lambda: subject.measure(count, attributes=True),
        "ours, queues": lambda: subject.measure_with_queues(count),
        "by hand": lambda: by_hand.cost(count),
        "by hand, OTLP": lambda: by_hand_otlp.cost(count),
    }


def _rows(found: dict[str, list[Cost]]) -> list[Row]:
    caller = {name: [cost.caller for cost in costs] for name, costs in found.items()}
    cpu = {name: [cost.cpu for cost in costs] for name, costs in found.items()}
    ours, queues, hand = "ours", "ours, queues", "by hand, OTLP"
    return [
        ratio("caller / bare SDK span", caller[ours], caller["anchor"], must=0.15, aim=0.05),
        ratio("caller / bare SDK span, 8 user attributes", caller["ours, 8 attributes"], caller["anchor"]),
        ratio("process CPU / bare SDK span's", cpu[ours], cpu["anchor"], must=1.5, aim=0.3),
        ratio("process CPU, 8 user attributes", cpu["ours, 8 attributes"], cpu["anchor"]),
        ratio("process CPU, 12 queue puts", cpu[queues], cpu["anchor"]),
        ratio("hand-wired caller / ours", caller[queues], caller[hand], must=30, aim=150, sense="least"),
        ratio("hand-wired CPU / ours", cpu[queues], cpu[hand], must=5, aim=25, sense="least"),
        ratio("hand-wired caller, no exporter / ours", caller[ours], caller["by hand"], sense="least"),
        ratio("hand-wired CPU, no exporter / ours", cpu[ours], cpu["by hand"], sense="least"),
    ]
