from __future__ import annotations

import os

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from flowstone_pubsub import Bus, Message, open_engine, processing


def test_the_consumers_span_links_to_the_senders(monkeypatch: pytest.MonkeyPatch) -> None:
    """The span around processing is a consumer's, in a trace of its own, with a link to the span that the message names."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    bus = Bus(open_engine(f"memory://{os.urandom(8).hex()}"), spans=False)
    with bus.subscribe("run:1") as subscription:
        with provider.get_tracer("t").start_as_current_span("sender"):
            bus.broadcast("run:1", 1)
        bus.broadcast("run:1", 2)
        for _ in range(2):
            item = subscription.next_item(5)
            assert isinstance(item, Message)
            with processing(item):
                pass
    bus.close()
    sender, first, second = exporter.get_finished_spans()
    assert ("process run:{id}", trace.SpanKind.CONSUMER) == (first.name, first.kind)
    assert sender.context is not None
    assert [(sender.context.trace_id, sender.context.span_id)] == [
        (link.context.trace_id, link.context.span_id) for link in first.links
    ]
    assert () == tuple(second.links)
    assert None is first.parent
