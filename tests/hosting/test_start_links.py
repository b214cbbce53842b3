"""Links that an operation has from its start."""

from __future__ import annotations

from opentelemetry.trace import SpanContext

from flowstone.hosting import Materialization
from flowstone.testing import Capture
from tests.otel.receivers import run

FORMER = SpanContext(0xA1, 0xB2, is_remote=True)

FOREIGN = """
from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.trace import SpanContext
class Watch(SpanProcessor):
    def on_start(self, span, parent_context=None): print("start", len(span.links))
    def on_end(self, span): print("end", len(span.links), f"{span.links[0].context.span_id:x}")
provider = TracerProvider()
provider.add_span_processor(Watch())
trace.set_tracer_provider(provider)
import flowstone
from flowstone.hosting import Materialization
op = Materialization("report")
op.add_link(SpanContext(0xA1, 0xB2, is_remote=True))
op.begin()
op.finish()
flowstone.shutdown()
"""


def test_a_link_from_before_the_start_is_on_both_legs(flowstone_capture: Capture) -> None:
    """What is linked before ``begin`` is told by the start too, so that killed work keeps it."""
    op = Materialization("report")
    op.add_link(FORMER)
    op.begin()
    op.finish()
    for leg in (op.start_event(), op.end_event()):
        assert ["00000000000000b2"] == [link.span_id for link in leg.links]  # type: ignore[attr-defined]


def test_a_foreign_processor_sees_the_link_once_from_the_start() -> None:
    """The SDK span of a foreign provider begins with the link, and does not get it again at its end."""
    done = run(FOREIGN)
    assert ["start 1", "end 1 b2"] == done.stdout.splitlines(), done.stderr
