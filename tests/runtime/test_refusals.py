"""Listeners that refuse to take responsibility, and whoever waits to be told."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

import flowstone
from flowstone.plugin import Event, Refused, hookimpl
from flowstone.runtime.refusals import Refusals
from flowstone.testing.capture import Capture, capture


class Keeper:
    """Refuses to keep verdicts.

    Args:
        refused: The events' name.
    """

    def __init__(self, refused: str = "checkpoint.approved") -> None:
        self._refused = refused
        self.verdicts: list[str] = []

    @hookimpl
    def on_events(self, batch: Sequence[Event]) -> None:
        self.verdicts += [one.id for one in batch if one.name == self._refused]

    @hookimpl
    def settle(self) -> None:
        if self.verdicts:
            refused, self.verdicts = self.verdicts, []
            raise Refused("the disk is full", refused)


def decided(captured: Capture) -> flowstone.CheckpointNotRecorded:
    gate = flowstone.checkpoint("publish").request()
    with pytest.raises(flowstone.CheckpointNotRecorded) as raised:
        gate.approve(actor="ann")
    assert "approved" == gate.verdict
    return raised.value


def test_who_decided_is_told_why() -> None:
    """The decision stands, and the one who made it gets the listener's reason."""
    with capture(Keeper()) as captured:
        assert "the verdict stands, but could not be recorded: the disk is full" == str(decided(captured))
        assert "checkpoint.approved" in captured.names()


def test_who_comes_too_late_is_told_so() -> None:
    """Where the verdict is a time-out, that it could not be recorded is not the answer to an approval."""
    now = [1_700_000_000_000_000_000]
    with capture(Keeper("checkpoint.timeout")):
        gate = flowstone.checkpoint("publish", timeout=60, now=lambda: now[0]).request()
        now[0] += 3600 * 10**9
        with pytest.raises(flowstone.CheckpointExpired, match="timed out"):
            gate.approve(actor="ann")
        assert "timed out" == gate.verdict


def test_a_refusal_is_no_fault() -> None:
    """However often a listener refuses, it is not counted as failing, and still called."""
    with capture() as captured:
        captured.engine.plugins.register(Keeper(), "keeper")
        for _ in range(7):
            decided(captured)
        assert 0 == captured.engine.wall.conduct("keeper").failures
        assert [] == captured.of("plugin.failed")


def test_who_decided_nothing_is_told_nothing() -> None:
    """Other checkpoints, and other emissions, do not hear of a refusal."""
    with capture(Keeper()) as captured:
        gate = flowstone.checkpoint("first").request()
        decided(captured)
        gate.reject(actor="ann")
        with flowstone.run("nightly"):
            pass
        assert "rejected" == gate.verdict


class Slow:
    """Takes longer than whoever decides waits for, or hangs; says which events it must keep."""

    def __init__(self, kept: str, seconds: float) -> None:
        self._kept = kept
        self._seconds = seconds
        self.freed = threading.Event()

    @hookimpl
    def settle(self) -> None:
        self.freed.wait(self._seconds)

    @hookimpl
    def must_keep(self, name: str) -> bool:
        return name == self._kept


@pytest.mark.parametrize(
    ("seconds", "why"), [(0.55, "does not have it yet"), (10.0, "is in quarantine \\(on_events hung\\)")]
)
def test_who_decided_is_told_that_it_is_not_known_to_be_kept(
    seconds: float, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither time-out nor quarantine of a plugin that must keep the verdict passes for success."""
    monkeypatch.setattr("flowstone.face.checkpoint.WAIT_S", seconds if seconds > 1 else 0.2)
    plugin = Slow("checkpoint.approved", seconds)
    with capture(plugin):
        gate = flowstone.checkpoint("publish").request()
        with pytest.raises(flowstone.CheckpointNotRecorded, match=why):
            gate.approve(actor="ann")
        assert "approved" == gate.verdict
        plugin.freed.set()


def test_whom_nobody_promised_to_keep_it_waits_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow plugin that need not keep the verdict costs its time, and no error."""
    monkeypatch.setattr("flowstone.face.checkpoint.WAIT_S", 0.2)
    plugin = Slow("checkpoint.rejected", 0.5)
    with capture(plugin):
        flowstone.checkpoint("publish").request().approve(actor="ann")
        plugin.freed.set()


def test_who_decided_is_told_where_not_even_an_event_could_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """A verdict that no plugin ever hears of does not pass for a kept one."""
    with capture(Slow("checkpoint.approved", 0)):
        gate = flowstone.checkpoint("publish").request()
        monkeypatch.setattr("flowstone.runtime.emission.Point", None)
        with pytest.raises(flowstone.CheckpointNotRecorded, match="does not have it yet"):
            gate.approve(actor="ann")
        assert "approved" == gate.verdict


def test_refusals_nobody_asks_for_do_not_pile_up() -> None:
    """The oldest are forgotten; one that was asked for is told once."""
    refusals = Refusals()
    refusals.note(Refused("full", [str(number) for number in range(5000)]))
    assert "" == refusals.of("1")
    assert ["full", ""] == [refusals.of("4999"), refusals.of("4999")]
