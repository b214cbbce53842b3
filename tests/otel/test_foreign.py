from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.otel.receivers import Sink, run

PROVIDER = """
    import json
    from opentelemetry import trace
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider, SpanProcessor, sampling
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    import flowstone
    memory = InMemorySpanExporter()

    def work():
        with flowstone.run("nightly", run_id="r1", correlation_id="c1") as run:
            with flowstone.materialization("daily") as m:
                m.set_attribute("team", "x")
                m.add_event("halfway")
                with trace.get_tracer("other").start_as_current_span("other"):
                    pass
            gate = flowstone.checkpoint("gate").request()
        flowstone.flush(5)

    def show(**more):
        spans = [
            dict(name=s.name, id=s.context.span_id, trace=s.context.trace_id, parent=s.parent and s.parent.span_id,
                 attributes=dict(s.attributes), events=[e.name for e in s.events], service=s.resource.attributes.get("service.name"))
            for s in memory.get_finished_spans()
        ]
        print(json.dumps(dict(spans=spans, **more)))
"""


def spans_of(code: str, **env: str) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    done = run(PROVIDER + code, **env)
    assert "" == done.stderr
    shown = json.loads(done.stdout)
    names = [span["name"] for span in shown["spans"]]
    assert sorted(set(names)) == sorted(names), "a span was exported twice"
    return {span["name"]: span for span in shown["spans"]}, shown


FAST = """
    provider = TracerProvider(resource=Resource({"service.name": "theirs"}))
    provider.add_span_processor(BatchSpanProcessor(memory))
    trace.set_tracer_provider(provider)
    work()
    from flowstone.runtime.attention import attention
    show(compat=attention.tracing.compat)
"""

COMPAT = """
    class Foreign(SpanProcessor):
        seen = []
        def on_start(self, span, parent_context=None):
            above = trace.get_current_span(parent_context).get_span_context()
            self.seen.append([span.name, above.span_id, span.is_recording()])
    provider = TracerProvider(resource=Resource({"service.name": "theirs"}))
    provider.add_span_processor(Foreign())
    provider.add_span_processor(SimpleSpanProcessor(memory))
    trace.set_tracer_provider(provider)
    work()
    from flowstone.runtime.attention import attention
    show(compat=attention.tracing.compat, seen=Foreign.seen)
"""


@pytest.mark.parametrize(("code", "compat"), [(FAST, False), (COMPAT, True)], ids=["fast", "compat"])
def test_spans_go_to_the_users_provider(code: str, compat: bool) -> None:
    """Each span reaches the user's processors once, in one tree, with their resource and with our ids."""
    spans, shown = spans_of(code)
    assert compat == shown["compat"]
    assert {"run nightly", "materialize daily", "other", "checkpoint request gate"} == set(spans)
    run_span, materialized, other = spans["run nightly"], spans["materialize daily"], spans["other"]
    assert (None, run_span["id"], materialized["id"]) == (
        run_span["parent"],
        materialized["parent"],
        other["parent"],
    )
    assert {"theirs"} == {span["service"] for span in spans.values()}
    assert {"c1"} == {span["attributes"]["flowstone.correlation.id"] for span in spans.values()}
    assert "r1" == other["attributes"]["flowstone.run.id"]
    assert ("x", ["halfway"]) == (materialized["attributes"]["team"], materialized["events"])


def test_a_foreign_processor_sees_the_start_in_its_context() -> None:
    """A foreign processor hears of a span when it starts, recording, with the parent in the context."""
    spans, shown = spans_of(COMPAT)
    assert [
        ["run nightly", 0, True],
        ["materialize daily", spans["run nightly"]["id"], True],
        ["other", spans["materialize daily"]["id"], True],
        ["checkpoint request gate", spans["run nightly"]["id"], True],
    ] == shown["seen"]


def test_a_foreign_sampler_decides() -> None:
    """A sampler of the user's own is asked for each span, and its no is respected."""
    spans, shown = spans_of("""
    class OnlyRuns(sampling.Sampler):
        asked = []
        def should_sample(self, parent_context, trace_id, name, kind=None, attributes=None, links=None):
            self.asked.append(name)
            wanted = sampling.Decision.RECORD_AND_SAMPLE if name.startswith("run") else sampling.Decision.DROP
            return sampling.SamplingResult(wanted)
        def get_description(self):
            return "OnlyRuns"
    provider = TracerProvider(sampler=OnlyRuns())
    provider.add_span_processor(SimpleSpanProcessor(memory))
    trace.set_tracer_provider(provider)
    work()
    show(asked=OnlyRuns.asked)
    """)
    assert {"run nightly"} == set(spans)
    assert {"run nightly", "materialize daily", "other"} <= set(shown["asked"])


def test_a_provider_set_late_is_noticed() -> None:
    """A provider that the user sets after the first emission gets what comes then."""
    spans, _ = spans_of("""
    with flowstone.run("early"):
        pass
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    trace.set_tracer_provider(provider)
    work()
    show()
    """)
    assert "run nightly" in spans


def test_a_processor_added_late_loses_nothing() -> None:
    """A foreign processor added after the first emission does not cost spans, nor make two of one."""
    spans, _ = spans_of("""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    trace.set_tracer_provider(provider)
    with flowstone.run("early"):
        pass
    flowstone.flush(5)
    class Foreign(SpanProcessor):
        pass
    provider.add_span_processor(Foreign())
    work()
    show()
    """)
    assert {"run early", "run nightly", "materialize daily", "other", "checkpoint request gate"} == set(spans)


def test_a_foreign_meter_provider_records_our_metrics() -> None:
    """With a meter provider of the user's our measurements go to its instruments, with our buckets."""
    done = run("""
        import json, flowstone
        from opentelemetry import metrics
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader
        reader = InMemoryMetricReader()
        metrics.set_meter_provider(MeterProvider([reader]))
        with flowstone.run("nightly"):
            flowstone.resource_health("db", healthy=True)
        flowstone.flush(5)
        data = reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics
        print(json.dumps({m.name: len(m.data.data_points) for m in data}))
    """)
    assert "" == done.stderr
    told = json.loads(done.stdout)
    assert {"flowstone.run.duration": 1, "flowstone.resource.status": 4} == {
        name: told[name] for name in ("flowstone.run.duration", "flowstone.resource.status")
    }
    assert "process.cpu.time" in told


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink()
    yield sink
    sink.close()


def test_other_libraries_spans_are_exported_through_our_provider(sink: Sink) -> None:
    """Without a provider ours becomes global: other libraries' spans arrive, stamped, in the same trace."""
    code = PROVIDER + "\n    work()\n"
    done = run(code, OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint)
    assert "" == done.stderr
    spans = {span.name: span for span in sink.spans()}
    other = spans["other"]
    assert spans["materialize daily"].span_id == other.parent_span_id
    assert "c1" in {pair.value.string_value for pair in other.attributes}


def test_a_private_provider_leaves_the_global_place_free(sink: Sink) -> None:
    """FLOWSTONE_GLOBAL_PROVIDER=0 keeps ours to ourselves, and our spans still arrive."""
    code = PROVIDER + "\n    work()\n    print(type(trace.get_tracer_provider()).__name__)\n"
    done = run(code, OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint, FLOWSTONE_GLOBAL_PROVIDER="0")
    assert "ProxyTracerProvider" == done.stdout.strip()
    assert {"run nightly", "materialize daily", "checkpoint request gate"} == {
        span.name for span in sink.spans()
    }


def test_a_processor_that_does_not_say_whether_it_flushed_is_no_failure() -> None:
    """None is what the base class of older SDKs answers: flush is True, and who comes after is flushed too."""
    code = """
    class Silent(SpanProcessor):
        def force_flush(self, timeout_millis=30000):
            return None
    provider = TracerProvider()
    provider.add_span_processor(Silent())
    provider.add_span_processor(BatchSpanProcessor(memory, schedule_delay_millis=60000))
    trace.set_tracer_provider(provider)
    with flowstone.run("nightly"):
        pass
    flushed = flowstone.flush(5)
    show(flushed=flushed)
    """
    spans, shown = spans_of(code)
    assert shown["flushed"]
    assert {"run nightly"} == set(spans)


def test_a_processor_that_could_not_flush_is_a_failure() -> None:
    """False is told on."""
    code = """
    class Failing(SpanProcessor):
        def force_flush(self, timeout_millis=30000):
            return False
    provider = TracerProvider()
    provider.add_span_processor(Failing())
    trace.set_tracer_provider(provider)
    with flowstone.run("nightly"):
        pass
    show(flushed=flowstone.flush(5))
    """
    assert not spans_of(code)[1]["flushed"]
