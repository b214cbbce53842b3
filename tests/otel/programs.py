"""A program that works beside a provider of the user's, and tells what became of its spans."""

from __future__ import annotations

import json
from typing import Any

from tests.otel.receivers import run

KINDS = """
    import json, sys, time
    from datetime import date
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider, SpanProcessor, SpanLimits, sampling
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    import flowstone
    memory = InMemorySpanExporter()
    begun = {}
    class Foreign(SpanProcessor):
        def on_start(self, span, parent_context=None):
            begun[span.name] = dict(span.attributes)

    def provide(foreign=True, **more):
        provider = TracerProvider(**more)
        if foreign:
            provider.add_span_processor(Foreign())
        provider.add_span_processor(SimpleSpanProcessor(memory))
        trace.set_tracer_provider(provider)

    def failing(operation, error):
        try:
            with operation:
                raise error
        except type(error):
            pass

    def work():
        with flowstone.run("nightly", run_id="r1", correlation_id="c1", attributes={"password": "x", "n": 1}) as run:
            with flowstone.materialization("plain"): pass
            with flowstone.materialization("dated", partition=date(2025, 1, 15), attempt=2, attributes={"team": "x"}) as m:
                m.set_attribute("late", 2)
                m.add_event("halfway", {"k": "v"})
                m.add_link(run.get_span_context(), {"why": "parent"})
                m.size_bytes, m.rows = 10, 3
                m.update_name("renamed")
            with flowstone.materialization("changed", partition="before") as m:
                m.partition, m.attempt = "after", 3
            with flowstone.io_load("orders", io_manager="s3", partition=("a", 2)) as io: io.rows = 7
            with flowstone.io_store("daily", io_manager="s3") as io: io.size_bytes = 1024
            with flowstone.materialization("marked") as m:
                m.set_status(trace.StatusCode.ERROR, "bad rows")
            failing(flowstone.materialization("failed"), ValueError("no"))
            failing(flowstone.io_load("cancelled"), KeyboardInterrupt())
            flowstone.io_store("skipped").begin().finish(status="skip")
            with flowstone.run("inner", run_id="r2"): pass
            flowstone.checkpoint("gate").request()
        flowstone.flush(5)

    def shown(span):
        return dict(name=span.name, kind=span.kind.name, attributes=dict(span.attributes), status=span.status.status_code.name,
            description=span.status.description, events=[(e.name, dict(e.attributes)) for e in span.events],
            links=[dict(link.attributes) for link in span.links], dropped=span.dropped_attributes,
            sampled=span.context.trace_flags.sampled, parent=span.parent is not None)

    def tell(**more):
        print(json.dumps(dict(spans={span.name: shown(span) for span in memory.get_finished_spans()}, begun=begun, **more)))
"""


def told(code: str, **env: str) -> dict[str, Any]:
    """Run the program, then *code*, and return what it tells."""
    done = run(KINDS + code, **env)
    assert "" == done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
