"""The anchor: one bare SDK span with 8 attributes, batch processor, exporter that does nothing."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Tracer

from benchmarks.rounds import Cost, cost
from benchmarks.work import PARTITIONS


class NoExporter(SpanExporter):
    """Takes every span and does nothing."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Take *spans*."""
        return SpanExportResult.SUCCESS


def loop(tracer: Tracer, count: int) -> None:
    """Make *count* spans of 8 attributes with *tracer*."""
    start = tracer.start_as_current_span
    for number in range(count):
        attributes: dict[str, str | int] = {
            "flowstone.correlation.id": "0190a1b2-c3d4-4e5f-8a9b-0c1d2e3f4a5b",
            "flowstone.run.id": "run-1",
            "flowstone.pipeline": "nightly",
            "flowstone.orchestrator": "python",
            "flowstone.asset": "daily_report",
            "flowstone.partition": PARTITIONS[number % 365],
            "flowstone.materialization.attempt": 1,
            "flowstone.outcome": "success",
        }
        with start("materialize daily_report", attributes=attributes):
            pass


class Anchor:
    """A provider of its own, which is not the global one."""

    def __init__(self, exporter: SpanExporter | None = None) -> None:
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": "bench"}), shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter or NoExporter(), max_queue_size=65_536))
        self._tracer = self._provider.get_tracer("bench")

    def loop(self, count: int) -> None:
        """Make *count* spans."""
        loop(self._tracer, count)

    def settle(self) -> None:
        """Export what is queued."""
        self._provider.force_flush()

    def cost(self, count: int) -> Cost:
        """Measure *count* spans."""
        return cost(self.loop, self.settle, count)
