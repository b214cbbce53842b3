from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from time import time_ns
from uuid import UUID

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, Sampler
from opentelemetry.trace import SpanKind, StatusCode, TraceFlags

import flowstone
from flowstone.plugin import MaterializationStop, stats
from flowstone_pubsub import Bus, Message, open_engine, processing
from flowstone_pubsub.engines.base import Outgoing
from flowstone_pubsub.engines.memory import MemoryEngine


class Traced:
    """A provider whose finished spans can be looked at."""

    def __init__(self, sampler: Sampler | None = None) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(sampler=sampler)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracer = self.provider.get_tracer("test")

    def span(self, name: str) -> ReadableSpan:
        """Return the one span called *name*."""
        (found,) = [span for span in self.exporter.get_finished_spans() if span.name == name]
        return found

    def names(self) -> list[str]:
        """Return what all finished spans are called."""
        return [span.name for span in self.exporter.get_finished_spans()]


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> Traced:
    """Tracing that ``get_tracer`` leads to."""
    made = Traced()
    monkeypatch.setattr(trace, "get_tracer", made.provider.get_tracer)
    return made


@pytest.fixture
def bus() -> Iterator[Bus]:
    """A bus in memory."""
    made = Bus(open_engine(f"memory://{os.urandom(8).hex()}"))
    yield made
    made.close()


def _received(bus: Bus, topic: str, *, inside: Traced | None = None) -> Message:
    """Broadcast something to *topic*, in a span ``caller`` of *inside* where given, and return what arrives."""
    with bus.subscribe(topic) as subscription:
        if inside is None:
            bus.broadcast(topic, {"n": 1})
        else:
            with inside.tracer.start_as_current_span("caller"):
                bus.broadcast(topic, {"n": 1})
        item = subscription.next_item(5)
    assert bus.flush(5)
    assert isinstance(item, Message)
    return item


def _ids(span: ReadableSpan) -> tuple[int, int]:
    assert span.context is not None
    return span.context.trace_id, span.context.span_id


def test_a_broadcast_is_sent_in_a_producers_span(bus: Bus, traced: Traced) -> None:
    """It is a producer's, below the span around the call, and has the names of OpenTelemetry's messaging."""
    before = time_ns()
    message = _received(bus, "run:1", inside=traced)
    send, caller = traced.span("send run:{id}"), traced.span("caller")
    assert SpanKind.PRODUCER is send.kind
    assert send.parent is not None
    assert _ids(caller) == (send.parent.trace_id, send.parent.span_id)
    assert {
        "messaging.operation.type": "send",
        "messaging.operation.name": "send",
        "messaging.system": "flowstone",
        "messaging.destination.name": "run:1",
        "messaging.destination.template": "run:{id}",
        "messaging.message.id": message.id,
        "flowstone.correlation.id": message.correlation_id,
    } == dict(send.attributes or {})
    assert message.time == send.start_time
    assert send.start_time is not None
    assert send.end_time is not None
    assert before <= send.start_time <= send.end_time <= time_ns()


def test_the_consumers_span_links_to_the_producers(bus: Bus, traced: Traced) -> None:
    """What processes a message is a consumer's span in a trace of its own, with one link: to the span that sent it."""
    message = _received(bus, "run:1", inside=traced)
    with processing(message):
        pass
    process, send = traced.span("process run:{id}"), traced.span("send run:{id}")
    assert SpanKind.CONSUMER is process.kind
    assert None is process.parent
    assert [_ids(send)] == [(link.context.trace_id, link.context.span_id) for link in process.links]
    trace_id, span_id = _ids(send)
    assert [f"{trace_id:032x}", f"{span_id:016x}"] == message.envelope.traceparent.split("-")[1:3]
    assert dict(send.attributes or {}) | {
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
    } == dict(process.attributes or {})


def test_a_broadcast_outside_of_all_spans_begins_a_trace(bus: Bus, traced: Traced) -> None:
    """Its consumers have something to link to, too."""
    message = _received(bus, "deployments")
    send = traced.span("send {topic}")
    assert None is send.parent
    assert f"{_ids(send)[1]:016x}" == message.envelope.traceparent.split("-")[2]


def test_a_broadcast_has_its_runs_correlation_id(bus: Bus, traced: Traced) -> None:
    """Sent inside of a run, span and message carry the run's correlation id."""
    with flowstone.run("nightly", correlation_id="ticket-7"):
        message = _received(bus, "t")
    assert "ticket-7" == message.correlation_id
    assert "ticket-7" == (traced.span("send {topic}").attributes or {})["flowstone.correlation.id"]


def test_a_broadcast_outside_of_everything_has_its_traces_correlation_id(bus: Bus, traced: Traced) -> None:
    """Span and message carry the trace's id as UUID text, as everything does that begins a trace."""
    message = _received(bus, "t")
    trace_id = message.envelope.traceparent.split("-")[1]
    assert str(UUID(trace_id)) == message.correlation_id
    assert (
        message.correlation_id == (traced.span("send {topic}").attributes or {})["flowstone.correlation.id"]
    )


def test_an_event_that_is_broadcast_keeps_its_correlation_id(bus: Bus, traced: Traced) -> None:
    """The span that sends it has the sender's, the message the event's."""
    event = MaterializationStop(id="1" * 32, time=1, correlation_id="theirs", asset="x")
    with flowstone.run("nightly", correlation_id="ours"), bus.subscribe("t") as subscription:
        bus.broadcast("t", event)
        item = subscription.next_item(5)
    assert bus.flush(5)
    assert isinstance(item, Message)
    assert "theirs" == item.correlation_id
    assert "ours" == (traced.span("send {topic}").attributes or {})["flowstone.correlation.id"]


def test_an_events_own_span_gives_way_to_the_producers(bus: Bus, traced: Traced) -> None:
    """An event that is broadcast by hand names the span that sent it; it keeps its own ids inside."""
    event = MaterializationStop(id="1" * 32, time=1, trace_id="a" * 32, span_id="b" * 16, asset="x")
    with bus.subscribe("t") as subscription:
        bus.broadcast("t", event)
        item = subscription.next_item(5)
    assert bus.flush(5)
    assert isinstance(item, Message)
    trace_id, span_id = _ids(traced.span("send {topic}"))
    assert [f"{trace_id:032x}", f"{span_id:016x}"] == item.envelope.traceparent.split("-")[1:3]
    assert event == item.event


def test_lifecycle_events_have_no_producers_span(bus: Bus, traced: Traced) -> None:
    """Their own span is what consumers link to; one more for each would double the trace."""
    event = MaterializationStop(id="1" * 32, time=1, trace_id="a" * 32, span_id="b" * 16, asset="x")
    with bus.subscribe("asset:x") as subscription:
        bus.outbox.put(event)
        item = subscription.next_item(5)
    assert isinstance(item, Message)
    with processing(item):
        pass
    assert ["process asset:{id}"] == traced.names()
    assert [(int("a" * 32, 16), int("b" * 16, 16))] == [
        (link.context.trace_id, link.context.span_id) for link in traced.span("process asset:{id}").links
    ]


def test_no_spans_where_none_are_wanted(traced: Traced) -> None:
    """With spans switched off the message names the span around the call."""
    bus = Bus(open_engine(f"memory://{os.urandom(8).hex()}"), spans=False)
    message = _received(bus, "t", inside=traced)
    bus.close()
    assert ["caller"] == traced.names()
    assert f"{_ids(traced.span('caller'))[1]:016x}" == message.envelope.traceparent.split("-")[2]


def test_what_is_not_sampled_is_not_exported(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sampler that says no has its way, and the message says that it was not sampled."""
    unsampled = Traced(ALWAYS_OFF)
    monkeypatch.setattr(trace, "get_tracer", unsampled.provider.get_tracer)
    message = _received(bus, "t")
    assert [] == unsampled.names()
    assert 0 == int(message.envelope.traceparent[-2:], 16) & TraceFlags.SAMPLED


class _Raising(Sampler):
    def should_sample(self, *_: object, **__: object) -> object:  # type: ignore[override]
        raise RuntimeError("no decision")

    def get_description(self) -> str:
        return "raises"


def test_a_sampler_that_raises_keeps_nothing_back(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message arrives, and the failure is counted."""
    monkeypatch.setattr(trace, "get_tracer", Traced(_Raising()).provider.get_tracer)
    before = stats().get("pubsub.span.failed", 0)
    assert {"n": 1} == _received(bus, "t").event
    assert 1 == stats().get("pubsub.span.failed", 0) - before


class _Refusing(MemoryEngine):
    """Takes nothing that holds the text ``poison``."""

    def publish(self, batch: Sequence[Outgoing]) -> None:
        if any(b"poison" in one.data for one in batch):
            raise ValueError("refused")
        super().publish(batch)


def test_the_span_of_what_the_log_refuses_is_an_error(traced: Traced) -> None:
    """It ends with an error; those of the others end without."""
    memory = open_engine(f"memory://{os.urandom(8).hex()}")
    assert isinstance(memory, MemoryEngine)
    bus = Bus(_Refusing(memory._log))
    bus.broadcast("t", "poison")
    bus.broadcast("run:1", "fine")
    assert bus.flush(5)
    bus.close()
    refused, fine = traced.span("send {topic}"), traced.span("send run:{id}")
    assert (StatusCode.ERROR, "refused") == (
        refused.status.status_code,
        (refused.attributes or {})["error.type"],
    )
    assert StatusCode.UNSET is fine.status.status_code


def test_what_is_no_topic_is_sent_in_no_span(bus: Bus, traced: Traced) -> None:
    """A wildcard cannot be sent to: it is counted, and makes no span."""
    before = stats().get("pubsub.refused.topic", 0)
    bus.broadcast("asset:*", 1)
    assert bus.flush(5)
    assert 1 == stats().get("pubsub.refused.topic", 0) - before
    assert [] == traced.names()
