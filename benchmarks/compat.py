"""Beside a span processor of the user's own: one materialization against a bare span, on the caller's clock."""

from __future__ import annotations

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

import flowstone
from benchmarks import explain, no_network, subject
from benchmarks.anchor import loop
from benchmarks.rounds import Cost, cost, interleave, rounds_of
from benchmarks.rows import Report, Row, ratio
from flowstone.runtime.attention import attention

_HOW = (
    "A provider with one processor of no class we know, which does nothing: each materialization must be a "
    "real SDK span at its time. The bare span has 8 attributes and is made inside the same run and in the "
    "same provider, so that both pay for the sampler, for the foreign processor and for the one we add."
)
_UNTOUCHED = "Untouched: the same span and processor in a provider that we never see."


class Foreign(SpanProcessor):
    """A processor of the user's own, and so one that might look at anything."""


class Bare:
    """A bare SDK span in *provider*."""

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("bench")

    def cost(self, count: int) -> Cost:
        """Measure *count* spans inside a run."""
        with flowstone.run("nightly", run_id="run-1"):
            return cost(lambda number: loop(self._tracer, number), subject.settle, count)


def run(quick: bool) -> Report:
    """Measure the path beside foreign processors."""
    no_network.install()
    provider, untouched = _provider(), _provider()
    trace.set_tracer_provider(provider)
    count = 300 if quick else 500
    bare, beside = Bare(provider), Bare(untouched)
    found = interleave(
        {
            "ours": lambda: subject.measure(count),
            "ours, 8 attributes": lambda: subject.measure(count, attributes=True),
            "bare": lambda: bare.cost(count),
            "untouched": lambda: beside.cost(count),
        },
        rounds_of(quick),
    )
    assert attention.tracing.compat, "the provider was taken for one that needs no SDK spans at their time"
    report = Report(rows=tuple(_rows(found)), notes=(_HOW, _UNTOUCHED))
    return report.because(lambda: explain.caller(lambda: subject.plain(count)))


def _provider() -> TracerProvider:
    provider = TracerProvider(resource=Resource.create({"service.name": "bench"}), shutdown_on_exit=False)
    provider.add_span_processor(Foreign())
    return provider


def _rows(found: dict[str, list[Cost]]) -> list[Row]:
    caller = {name: [cost.caller for cost in costs] for name, costs in found.items()}
    cpu = {name: [cost.cpu for cost in costs] for name, costs in found.items()}
    return [
        ratio("caller / bare SDK span, foreign processor", caller["ours"], caller["bare"], must=1.5),
        ratio("the same, 8 user attributes", caller["ours, 8 attributes"], caller["bare"]),
        ratio("caller / untouched bare SDK span", caller["ours"], caller["untouched"]),
        ratio("process CPU / bare SDK span's", cpu["ours"], cpu["bare"]),
    ]
