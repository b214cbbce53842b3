"""Checkpoints in one process."""

from __future__ import annotations

import threading
from pathlib import Path
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


HOUR = 3600 * 10**9
T0 = 1_736_906_400 * 10**9


class Clock:
    """A clock that stands until it is set."""

    def __init__(self, time: int = T0) -> None:
        self.time = time

    def __call__(self) -> int:
        return self.time


def test_a_resumed_gate_has_the_identity_of_its_request(flowstone_capture: Capture) -> None:
    """A verdict given elsewhere, an hour later, belongs to the run that asked; the wait is an hour."""
    clock = Clock()
    with flowstone.run("p", correlation_id="order-7"), flowstone.materialization("report") as asset:
        gate = flowstone.checkpoint("publish", timeout=7200, now=clock).request()
    clock.time += HOUR
    flowstone.resume_checkpoint(f" {gate.id}\n", now=clock).approve(actor="ann")
    requested: Any = flowstone_capture.one("checkpoint.requested")
    approved: Any = flowstone_capture.one("checkpoint.approved")
    for field in ("trace_id", "correlation_id", "run_id", "pipeline", "parent_id", "checkpoint", "sampled"):
        assert getattr(requested, field) == getattr(approved, field), field
    assert (f"{asset.span_id:016x}", HOUR, T0 + HOUR) == (
        approved.parent_id,
        approved.duration,
        approved.time,
    )
    assert [(requested.trace_id, requested.span_id)] == [
        (link.trace_id, link.span_id) for link in approved.links
    ]
    assert len({asset.span_id, requested.span_id, approved.span_id}) == 3
    assert requested.checkpoint_id == approved.checkpoint_id == gate.id


def test_the_first_gate_hears_of_the_verdict_given_elsewhere(flowstone_capture: Capture) -> None:
    """Two gates of one request: the second decision is an error, whoever makes it."""
    gate = flowstone.checkpoint("publish").request()
    flowstone.resume_checkpoint(gate.id).approve()
    with pytest.raises(flowstone.CheckpointDecided, match="was approved already; it cannot be rejected"):
        gate.reject()
    assert "approved" == flowstone.resume_checkpoint(gate.id).verdict
    assert ["checkpoint.requested", "checkpoint.approved"] == flowstone_capture.names()


def test_a_time_out_that_nobody_told_is_told_by_the_next_resume_once(flowstone_capture: Capture) -> None:
    """It happened when the time had passed, not when it was found; the gate is shut for good."""
    clock = Clock()
    gate = flowstone.checkpoint("publish", timeout=60, now=clock).request()
    clock.time += HOUR
    resumed = [flowstone.resume_checkpoint(gate.id, now=clock) for _ in range(3)]
    assert ["timed out"] * 3 == [one.verdict for one in resumed]
    told: Any = flowstone_capture.one("checkpoint.timeout")
    assert (T0 + 60 * 10**9, 60 * 10**9) == (told.time, told.duration)
    with pytest.raises(flowstone.CheckpointExpired, match="timed out 60 s after it was requested"):
        resumed[1].approve()
    with pytest.raises(flowstone.CheckpointExpired):
        gate.reject()
    gate.expire()
    assert ["checkpoint.requested", "checkpoint.timeout"] == flowstone_capture.names()


def test_a_verdict_in_time_stays(flowstone_capture: Capture) -> None:
    """What was approved before the time-out is approved after it."""
    clock = Clock()
    gate = flowstone.checkpoint("publish", timeout=60, now=clock).request()
    gate.approve()
    clock.time += HOUR
    assert "approved" == flowstone.resume_checkpoint(gate.id, now=clock).verdict
    with pytest.raises(flowstone.CheckpointDecided, match="was approved already"):
        flowstone.resume_checkpoint(gate.id, now=clock).expire()


def test_of_many_that_decide_at_once_one_wins(flowstone_capture: Capture) -> None:
    """Threads that decide the same request give one verdict; all others are told so."""
    gate = flowstone.checkpoint("publish").request()
    lost: list[Exception] = []
    ready = threading.Barrier(8)

    def decide() -> None:
        own = flowstone.resume_checkpoint(gate.id)
        ready.wait()
        try:
            own.approve()
        except flowstone.CheckpointDecided as error:
            lost.append(error)

    threads = [threading.Thread(target=decide) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 7 == len(lost)
    assert ["checkpoint.requested", "checkpoint.approved"] == flowstone_capture.names()


def test_a_forged_token_is_a_clear_error(flowstone_capture: Capture) -> None:
    """A token that was changed decides nothing."""
    gate = flowstone.checkpoint("publish").request()
    for forged in (gate.id[:-2], gate.id[:40] + "zzzz" + gate.id[44:], "off", ""):
        with pytest.raises(flowstone.CheckpointInvalid):
            flowstone.resume_checkpoint(forged)


@pytest.mark.parametrize("timeout", [float("nan"), float("inf"), 1e300, "soon", object()])
def test_a_time_out_that_is_none_never_comes(flowstone_capture: Capture, timeout: Any) -> None:
    """A bad value harms nobody."""
    gate = flowstone.checkpoint("publish", timeout=timeout).request()
    assert gate.timeout is None
    gate.approve()


def test_without_a_home_one_process_still_has_one_verdict(
    flowstone_capture: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no file can be made, the process itself remembers."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FLOWSTONE_HOME", str(tmp_path / "file"))
    gate = flowstone.checkpoint("publish").request()
    other = flowstone.resume_checkpoint(gate.id)
    gate.approve()
    with pytest.raises(flowstone.CheckpointDecided, match="was approved already"):
        other.reject()
