"""One materialization against the same wired by hand; the audit rows of both are compared apart, in section audit."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from benchmarks import explain, subject
from benchmarks.anchor import NoExporter
from benchmarks.hand_wired import HandWired
from benchmarks.rounds import Cost, interleave, rounds_of
from benchmarks.rows import Report, Row, ratio

_BY_HAND = (
    "By hand: SDK span, 4 instrument calls, 2 stdlib logging lines (orjson), 12 queue.Queue.put; with the "
    "stock OTLP/HTTP exporter into the same transport that sends nothing. Ours, there, feeds 6 queue.Queue "
    "subscribers too (12 puts, attached handlers). Neither side audits here."
)


def run(quick: bool) -> Report:
    """Measure both."""
    subject.set_up()
    found = interleave(_subjects(500 if quick else 1000), rounds_of(quick))
    return Report(rows=tuple(_rows(found)), notes=(_BY_HAND,)).because(explain.drain)


def _subjects(count: int) -> dict[str, Callable[[], Cost]]:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    home = Path(os.environ["FLOWSTONE_HOME"])
    by_hand = HandWired(NoExporter(), home / "hand.log", "quiet")
    otlp = OTLPSpanExporter(endpoint="http://127.0.0.1:9/v1/traces")
    by_hand_otlp = HandWired(otlp, home / "hand-otlp.log", "otlp")
    return {
        "ours": lambda: subject.measure(count),
        "ours, queues": lambda: subject.measure_with_queues(count),
        "by hand": lambda: by_hand.cost(count),
        "by hand, OTLP": lambda: by_hand_otlp.cost(count),
    }


def _rows(found: dict[str, list[Cost]]) -> list[Row]:
    caller = {name: [cost.caller for cost in costs] for name, costs in found.items()}
    cpu = {name: [cost.cpu for cost in costs] for name, costs in found.items()}
    queues, hand = "ours, queues", "by hand, OTLP"
    return [
        ratio("hand-wired caller / ours", caller[queues], caller[hand], must=30, aim=150, sense="least"),
        ratio("hand-wired CPU / ours", cpu[queues], cpu[hand], must=5, aim=25, sense="least"),
        ratio("hand-wired caller, no exporter / ours", caller["ours"], caller["by hand"], sense="least"),
        ratio("hand-wired CPU, no exporter / ours", cpu["ours"], cpu["by hand"], sense="least"),
    ]
