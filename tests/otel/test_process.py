"""What the process uses."""

from __future__ import annotations

import time

from flowstone.otel.pipeline import Pipeline


def test_the_process_is_observed_whenever_metrics_are_read() -> None:
    """CPU time only grows, memory and threads are there, without a single event."""
    pipeline = Pipeline()
    first = _read(pipeline)
    until = time.process_time() + 0.05
    while time.process_time() < until:
        pass
    second = _read(pipeline)
    assert {("user",), ("system",)} == set(second["process.cpu.time"])
    assert sum(second["process.cpu.time"].values()) > sum(first["process.cpu.time"].values())
    assert second["process.memory.usage"][()] > 1 << 20
    assert second["process.thread.count"][()] >= 1


def _read(pipeline: Pipeline) -> dict[str, dict[tuple[str, ...], float]]:
    return {
        metric.name: {
            tuple(str(v) for v in point.attributes.values()): point.value for point in metric.points
        }
        for metric in pipeline.read()
    }
