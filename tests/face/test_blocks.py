from __future__ import annotations

import pytest
from opentelemetry import trace

import flowstone
from flowstone.catalogue import codec
from flowstone.testing import Capture


def _work() -> None:
    trace.get_current_span().set_attribute("rows", 3)
    with flowstone.materialization("inner"):
        pass
    flowstone.resource_health("w", healthy=True)


def test_a_block_of_ones_own_is_an_operation(flowstone_capture: Capture) -> None:
    """It has one span with its name and its length; what is begun inside is below it and has its ids."""
    with flowstone.telemetry.block("quality.check", {"table": "orders"}):
        _work()
    block, inner, resource = sorted(flowstone_capture.spans, key=lambda span: span.start)
    assert ("quality.check", "orders", 3) == (block.name, block.attributes["table"], block.attributes["rows"])
    assert block.end > inner.end
    assert (block.span_id, block.span_id) == (inner.parent_id, resource.parent_id)
    assert 1 == len({event.trace_id for event in flowstone_capture.events})
    assert 1 == len({event.correlation_id for event in flowstone_capture.events})


def test_a_span_around_a_call_is_such_a_block(flowstone_capture: Capture) -> None:
    """``telemetry.span`` does the same, outside of any run, and tells a failure."""
    flowstone.telemetry.span("my.thing", {"k": 1}, _work)
    with pytest.raises(ValueError, match="bad"):
        flowstone.telemetry.span("my.thing", {}, lambda: int("bad"))
    assert [
        "my.thing.start",
        "materialization.start",
        "materialization.stop",
        "resource.health_check",
        "my.thing.stop",
        "my.thing.start",
        "my.thing.exception",
    ] == flowstone_capture.names()
    assert 2 == len({event.correlation_id for event in flowstone_capture.events})
    assert "ERROR" == flowstone_capture.logs[-1]["severity"]


def test_a_block_is_a_decorator(flowstone_capture: Capture) -> None:
    """Each call is one."""

    @flowstone.telemetry.block("my.step")
    def step(n: int) -> int:
        return n + 1

    assert [1, 2] == [step(0), step(1)]
    assert ["my.step.start", "my.step.stop"] * 2 == flowstone_capture.names()


def test_what_stores_keep_of_a_block_is_a_block(flowstone_capture: Capture) -> None:
    """Written and read again it is equal."""
    with flowstone.telemetry.block("my.step"):
        pass
    for event in flowstone_capture.events:
        assert event == codec.decode(codec.encode(event))
