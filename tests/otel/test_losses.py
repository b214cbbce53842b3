"""What is lost is counted once."""

from __future__ import annotations

from flowstone.otel.pipeline import Pipeline
from flowstone.plugin import EventDropped, count


def test_a_loss_of_the_exporters_is_counted_once() -> None:
    """The counter of the exporter and the event that tells of it are one loss, not two; other losses are events."""
    pipeline = Pipeline()
    before = _lost(pipeline)
    count("export.failed.spans", 5)
    pipeline.take([EventDropped(event="spans", count=5, reason="export failed")])
    pipeline.take([EventDropped(event="materialization.start", count=3, reason="queue full")])
    assert before + 5 + 3 == _lost(pipeline)


def _lost(pipeline: Pipeline) -> float:
    found = (one for one in pipeline.read() if one.name == "flowstone.telemetry.dropped")
    return sum(point.value for metric in found for point in metric.points)
