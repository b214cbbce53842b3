"""The same by hand, as a good engineer writes it: span, 4 instrument calls, 2 lines, 12 queue puts."""

from __future__ import annotations

import logging
from pathlib import Path
from queue import Queue
from time import perf_counter, time_ns
from typing import Any

import orjson
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from benchmarks.rounds import Cost, cost
from benchmarks.work import PARTITIONS

Message = dict[str, Any]


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {"timestamp": record.created, "level": record.levelname, "event": record.msg}
        return orjson.dumps({**line, **record.__dict__["fields"]}).decode()


class HandWired:
    """A pipeline's own instrumentation. Its messages are drained by nobody, which costs it nothing."""

    def __init__(self, exporter: SpanExporter, log: Path, name: str) -> None:
        resource = Resource.create({"service.name": "bench"})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=65_536))
        self._tracer = self._provider.get_tracer("hand")
        meter = MeterProvider([InMemoryMetricReader()], resource=resource, shutdown_on_exit=False).get_meter(
            "hand"
        )
        self._active = meter.create_up_down_counter("materialization.active")
        self._count = meter.create_counter("materialization.count")
        self._duration = meter.create_histogram("materialization.duration", "s")
        self._logger = logging.getLogger(f"hand.{name}")
        handler = logging.FileHandler(log)
        handler.setFormatter(_JsonFormatter())
        self._logger.addHandler(handler)
        self._logger.propagate = False
        self._logger.setLevel(logging.INFO)
        self._topics: dict[str, list[Queue[Message]]] = {}

    def materialize(self, asset: str, partition: str) -> None:
        """Instrument one materialization that does nothing."""
        labels = {"pipeline": "nightly", "asset": asset, "orchestrator": "python"}
        self._active.add(1, labels)
        began = perf_counter()
        attributes: dict[str, str | int] = {
            **labels,
            "run_id": "run-1",
            "partition": partition,
            "attempt": 1,
            "correlation_id": "c-1",
        }
        with self._tracer.start_as_current_span(f"materialize {asset}", attributes=attributes) as span:
            context = span.get_span_context()
            ids = {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}
            self._tell("materialization.start", {**attributes, **ids})
            span.set_attribute("status", "success")
        took = perf_counter() - began
        self._active.add(-1, labels)
        ended = {**labels, "status": "success"}
        self._count.add(1, ended)
        self._duration.record(took, ended)
        self._tell(
            "materialization.stop", {**attributes, **ids, "duration_ms": took * 1e3, "status": "success"}
        )

    def _tell(self, event: str, fields: dict[str, Any]) -> None:
        self._logger.info(event, extra={"fields": fields})
        message = {"event": event, "time": time_ns(), **fields}
        for topic in ("materialization", f"asset:{fields['asset']}"):
            for queue in self._topics.get(topic, ()):
                queue.put(message)

    def loop(self, count: int) -> None:
        """Instrument *count* materializations."""
        for number in range(count):
            self.materialize("daily_report", PARTITIONS[number % 365])

    def settle(self) -> None:
        """Export what is queued."""
        self._provider.force_flush()

    def cost(self, count: int) -> Cost:
        """Measure *count* materializations, with 3 fresh subscribers to each of 2 topics."""
        topics = ("materialization", "asset:daily_report")
        self._topics = {topic: [Queue() for _ in range(3)] for topic in topics}
        try:
            return cost(self.loop, self.settle, count)
        finally:
            self._topics = {}
