"""Listeners that refuse to take responsibility, and whoever waits to be told."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

import flowstone
from flowstone.plugin import Event, Refused, hookimpl
from flowstone.runtime.refusals import Refusals
from flowstone.testing.capture import Capture, capture


class Keeper:
    """Refuses to keep verdicts."""

    def __init__(self) -> None:
        self.verdicts: list[str] = []

    @hookimpl
    def on_events(self, batch: Sequence[Event]) -> None:
        self.verdicts += [one.id for one in batch if one.name == "checkpoint.approved"]

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


def test_refusals_nobody_asks_for_do_not_pile_up() -> None:
    """The oldest are forgotten; one that was asked for is told once."""
    refusals = Refusals()
    refusals.note(Refused("full", [str(number) for number in range(5000)]))
    assert "" == refusals.of("1")
    assert ["full", ""] == [refusals.of("4999"), refusals.of("4999")]
