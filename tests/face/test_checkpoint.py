"""Checkpoints in one process."""

from __future__ import annotations

from typing import Any

import pytest

import flowstone
from flowstone.testing import Capture


def test_a_request_and_its_approval_are_linked(flowstone_capture: Capture) -> None:
    """The verdict knows its request, who gave it, why, and after how long."""
    with flowstone.run("p") as run:
        gate = flowstone.checkpoint("publish", timeout=3600).request()
        gate.approve(actor="ann", reason="ok")
    requested: Any = flowstone_capture.one("checkpoint.requested")
    approved: Any = flowstone_capture.one("checkpoint.approved")
    assert (gate.id, 3600) == (requested.checkpoint_id, requested.timeout)
    assert ("ann", "ok", gate.id) == (approved.actor, approved.reason, approved.checkpoint_id)
    assert requested.span_id == approved.links[0].span_id
    assert {run.run_id} == {requested.run_id, approved.run_id}
    assert approved.duration > 0


def test_there_is_one_verdict(flowstone_capture: Capture) -> None:
    """A second verdict is a clear error, and not told."""
    gate = flowstone.checkpoint("publish").request()
    gate.reject(actor="bob")
    with pytest.raises(flowstone.CheckpointDecided, match="was rejected already"):
        gate.approve()
    assert ["checkpoint.requested", "checkpoint.rejected"] == flowstone_capture.names()


def test_a_verdict_after_the_time_out_is_a_time_out(flowstone_capture: Capture) -> None:
    """Whoever comes too late is told so, and the time-out is told."""
    gate = flowstone.checkpoint("publish", timeout=0).request()
    with pytest.raises(flowstone.CheckpointExpired, match="timed out"):
        gate.approve()
    assert ["checkpoint.requested", "checkpoint.timeout"] == flowstone_capture.names()


def test_a_verdict_needs_a_request(flowstone_capture: Capture) -> None:
    """Deciding what nobody asked is a clear error."""
    with pytest.raises(flowstone.CheckpointDecided, match="not requested"):
        flowstone.checkpoint("publish").approve()
