from __future__ import annotations

from typing import Any

from tests.otel.programs import told

MEASURED = ("flowstone.cpu.time", "flowstone.memory.peak", "flowstone.checkpoint.id", "exception.stacktrace")


def without_measurements(span: dict[str, Any]) -> dict[str, Any]:
    """Return *span* without what differs from one run of it to the next."""
    kept = {key: value for key, value in span["attributes"].items() if key not in MEASURED}
    events = [
        (name, {key: value for key, value in attributes.items() if key not in MEASURED})
        for name, attributes in span["events"]
    ]
    return {**span, "attributes": kept, "events": events}


def test_both_paths_make_the_same_spans() -> None:
    """Beside a foreign processor each span is what the fast path makes of it, failures included."""
    fast = told("\n    provide(foreign=False); work(); tell()")["spans"]
    compat = told("\n    provide(); work(); tell()")["spans"]
    assert 12 == len(compat)
    assert {name: without_measurements(span) for name, span in fast.items()} == {
        name: without_measurements(span) for name, span in compat.items()
    }


def test_the_providers_limits_hold() -> None:
    """The limits of a provider with a foreign processor cut spans as they cut the bare spans of it."""
    # The SDK logs each attribute that it cuts.
    spans = told("""
    import logging
    logging.disable()
    provide(span_limits=SpanLimits(max_span_attributes=5, max_attribute_length=6, max_events=1))
    work()
    tell()
    """)["spans"]
    assert {5} == {len(span["attributes"]) for span in spans.values()}
    assert "succes" == spans["materialize plain"]["attributes"]["flowstone.outcome"]
    assert 0 < spans["materialize plain"]["dropped"]


def test_a_start_has_what_is_known_then() -> None:
    """Foreign processors see ids, subject and clean user attributes at the start, and no outcome before the end."""
    found = told("\n    provide(); work(); tell()")
    ids = {
        "flowstone.correlation.id": "c1",
        "flowstone.run.id": "r1",
        "flowstone.pipeline.name": "nightly",
        "flowstone.orchestrator.name": "python",
    }
    own = {
        "team": "x",
        "flowstone.asset.key": "dated",
        "flowstone.partition.key": "2025-01-15",
        "flowstone.materialization.attempt": 2,
    }
    assert {**ids, **own} == found["begun"]["materialize dated"]
    assert {"n": 1, "password": "[redacted]"}.items() <= found["begun"]["run nightly"].items()
    assert "success" == found["spans"]["renamed"]["attributes"]["flowstone.outcome"]


def test_an_inner_run_keeps_its_own_run_id() -> None:
    """What is stamped on other libraries' spans does not overwrite the ids of our own."""
    found = told("\n    provide(); work(); tell()")
    assert "r2" == found["begun"]["run inner"]["flowstone.run.id"]
    assert "r2" == found["spans"]["run inner"]["attributes"]["flowstone.run.id"]


def test_a_no_of_the_sampler_stays_with_its_span() -> None:
    """An operation that a foreign sampler drops leaves those beside it, and the run around it, sampled."""
    found = told("""
    class NoLoads(sampling.Sampler):
        seen = {}
        def should_sample(self, parent_context, trace_id, name, kind=None, attributes=None, links=None):
            self.seen[name] = dict(attributes or {})
            wanted = sampling.Decision.DROP if name.startswith("load") else sampling.Decision.RECORD_AND_SAMPLE
            return sampling.SamplingResult(wanted, attributes)
        def get_description(self):
            return "NoLoads"
    provide(foreign=False, sampler=NoLoads())
    events = {}
    def keep(event):
        if event.name.endswith((".start", ".stop")):
            events[f"{event.name} {getattr(event, 'asset', '')}"] = event.sampled
    flowstone.telemetry.attach("keep", [], keep)
    work()
    tell(events=events, seen=NoLoads.seen["load orders"])
    """)
    assert {"io.load.start orders", "io.load.stop orders", "io.load.start cancelled"} == {
        name for name, sampled in found["events"].items() if not sampled
    }
    assert ["s3", "a|2"] == [
        found["seen"][key] for key in ("flowstone.io.manager", "flowstone.partition.key")
    ]
    assert not any(name.startswith("load") for name in found["spans"])


def test_events_are_made_in_the_drain() -> None:
    """Where no synchronous hook listens the caller makes no event of a success, foreign processor or not."""
    found = told("""
    import threading
    from flowstone.runtime.kinds import Materialization
    makers = set()
    for leg in ("start_event", "end_event"):
        def made(self, real=getattr(Materialization, leg)):
            makers.add(threading.current_thread().name)
            return real(self)
        setattr(Materialization, leg, made)
    provide()
    with flowstone.materialization("plain"): pass
    flowstone.flush(5)
    tell(makers=sorted(makers))
    """)
    assert ["flowstone-drain"] == found["makers"]
    assert ["materialize plain"] == list(found["spans"])


def test_synchronous_hooks_hear_beside_a_foreign_processor() -> None:
    """A synchronous hook is told on the caller, once for each event it listens to, and the drain tells the same."""
    found = told("""
    import threading
    from flowstone.plugin import hookimpl
    from flowstone.runtime import engine
    heard, drained = [], []
    class Listener:
        @hookimpl
        def on_materialization_start(self, event):
            heard.append([event.name, event.id, threading.current_thread().name])
        @hookimpl
        def on_materialization_exception(self, event):
            heard.append([event.name, event.id, threading.current_thread().name])
    engine.current().plugins.register(Listener(), "listener")
    flowstone.telemetry.attach("keep", [], lambda event: drained.append([event.name, event.id]))
    provide()
    with flowstone.materialization("plain"): pass
    failing(flowstone.materialization("failed"), ValueError("no"))
    flowstone.flush(5)
    tell(heard=heard, drained=drained)
    """)
    names = ["materialization.start", "materialization.start", "materialization.exception"]
    assert names == [name for name, _, _ in found["heard"]]
    assert {"MainThread"} == {thread for _, _, thread in found["heard"]}
    assert all([name, id] in found["drained"] for name, id, _ in found["heard"])


def test_a_span_that_the_user_ended_is_let_be() -> None:
    """Ending the current span by hand neither warns at the end of the block nor costs the event."""
    found = told("""
    provide()
    with flowstone.materialization("plain"):
        trace.get_current_span().end()
    flowstone.flush(5)
    tell()
    """)
    assert ["materialize plain"] == list(found["spans"])


def test_what_a_foreign_processor_raises_stays_outside() -> None:
    """A foreign processor that raises at start or end breaks neither the block nor the events."""
    found = told("""
    class Broken(SpanProcessor):
        def on_start(self, span, parent_context=None):
            if "start" in span.name:
                raise RuntimeError("at the start")
        def on_end(self, span):
            raise RuntimeError("at the end")
    provide(foreign=False)
    trace.get_tracer_provider().add_span_processor(Broken())
    names = []
    flowstone.telemetry.attach("keep", [], lambda event: names.append(event.name))
    for asset in ("start", "end"):
        with flowstone.materialization(asset): pass
    flowstone.flush(5)
    tell(names=names)
    """)
    assert ["materialization.start", "materialization.stop"] * 2 == found["names"]
