from __future__ import annotations

import pytest

from tests.otel.programs import told

COUNTED = """
    from flowstone import hosting
    class Counted(sampling.Sampler):
        asked = []
        def should_sample(self, parent_context, trace_id, name, kind=None, attributes=None, links=None):
            above = trace.get_current_span(parent_context).get_span_context()
            if above.is_valid:
                wanted = sampling.Decision.RECORD_AND_SAMPLE if above.trace_flags.sampled else sampling.Decision.DROP
                return sampling.SamplingResult(wanted, attributes)
            self.asked.append(name)
            wanted = sampling.Decision.DROP if "no" in name else sampling.Decision.RECORD_AND_SAMPLE
            return sampling.SamplingResult(wanted, {**(attributes or {}), "by": "counted"})
        def get_description(self):
            return "Counted"
    provide(sampler=Counted())
    events = {}
    def keep(event):
        events[f"{event.name} {getattr(event, 'asset', getattr(event, 'sensor', ''))}"] = event.sampled
    flowstone.telemetry.attach("keep", [], keep)
"""


def test_a_sampler_is_asked_once_at_each_root() -> None:
    """With the span's own name, whatever begins the trace; what is below follows its answer, as events do."""
    found = told(
        COUNTED
        + """
    for asset in ("yes", "no"):
        with flowstone.run(asset):
            with flowstone.materialization(asset): pass
            flowstone.sensor_poll(f"in {asset}")
        with flowstone.materialization(f"alone {asset}"):
            with flowstone.io_load(f"in alone {asset}"): pass
        flowstone.sensor_poll(asset)
        hosting.Run(f"begun {asset}").begin().finish()
    flowstone.flush(5)
    tell(asked=Counted.asked, events=events)
    """
    )
    roots = [f"{what}{asset}" for asset in ("yes", "no") for what in _BEGUN]
    assert roots == found["asked"]
    assert {True} == {sampled for what, sampled in found["events"].items() if "yes" in what}
    assert {False} == {
        sampled for what, sampled in found["events"].items() if " no" in what or "alone no" in what
    }
    assert not any("no" in name for name in found["spans"])
    assert "counted" == found["spans"]["run yes"]["attributes"]["by"]


_BEGUN = ("run ", "materialize alone ", "poll ", "run begun ")


@pytest.mark.parametrize("run", ["yes", "no"])
def test_a_sampler_is_asked_once_for_what_is_identified_before_it_begins(run: str) -> None:
    """What it says of a host's run or of a gate, before there is a span, holds for spans that come later or apart."""
    found = told(
        COUNTED
        + f"""
    class Named(Counted):
        def should_sample(self, parent_context, trace_id, name, kind=None, attributes=None, links=None):
            return super().should_sample(parent_context, trace_id, f"{run} {{name}}", kind, attributes, links)
    trace._TRACER_PROVIDER_SET_ONCE._done = False
    provide(sampler=Named())
    host = hosting.scope("dagster", "r1")
    run = hosting.Run("hosted", scope=host, span_id=7).begin()
    hosting.Materialization("apart", scope=host, span_id=8, parent_id=7).begin().finish()
    run.finish()
    flowstone.checkpoint("gate").request()
    flowstone.flush(5)
    tell(asked=Counted.asked)
    """
    )
    assert [f"{run} run", f"{run} checkpoint"] == found["asked"]
    names = ["materialize apart", "run", "checkpoint request gate"]
    assert (names if run == "yes" else []) == list(found["spans"])
