from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from opentelemetry import baggage, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import flowstone
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


@contextmanager
def _received(correlation_id: str) -> Iterator[Message]:
    """A message that was broadcast in a run with this correlation id."""
    bus = Bus(open_engine(f"memory://{os.urandom(8).hex()}"))
    with bus.subscribe("t") as subscription:
        with flowstone.run("sender", correlation_id=correlation_id):
            bus.broadcast("t", 1)
        item = subscription.next_item(5)
    assert isinstance(item, Message)
    yield item
    bus.close()


def test_what_is_done_with_a_message_has_its_correlation_id() -> None:
    """A run that a message sets off belongs to what sent it, and so do services that are asked; afterwards nothing does."""
    with _received("ticket-7") as message:
        with processing(message):
            with flowstone.run("reaction") as reaction:
                pass
            carried = baggage.get_baggage("flowstone.correlation.id")
        with flowstone.run("later") as later:
            pass
    assert ("ticket-7", "ticket-7") == (reaction.correlation_id, carried)
    assert "ticket-7" != later.correlation_id
    assert None is baggage.get_baggage("flowstone.correlation.id")


def test_a_run_that_reads_messages_keeps_its_own_correlation_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inside of a run a message changes nothing: its link says where it came from."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with _received("theirs") as message:
        monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
        with (
            flowstone.run("reader", correlation_id="ours"),
            processing(message),
            flowstone.materialization("x") as inner,
        ):
            pass
    (process,) = [span for span in exporter.get_finished_spans() if span.name == "process {topic}"]
    assert ("ours", "ours") == (inner.correlation_id, (process.attributes or {})["flowstone.correlation.id"])
