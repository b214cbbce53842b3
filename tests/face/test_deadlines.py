"""Time-outs that the process itself tells."""

from __future__ import annotations

import time
from typing import Any

import flowstone
from flowstone.face.deadlines import BOUND, Deadlines
from flowstone.testing import Capture

SECOND = 10**9


class Gates:
    """Gates of a fake clock, and what was fired."""

    def __init__(self) -> None:
        self.now = 0
        self.fired: list[str] = []
        self.deadlines = Deadlines(lambda: self.now)

    def watch(self, key: str, due: int | None) -> None:
        left = None if due is None else (lambda: (due - self.now) / SECOND)
        self.deadlines.watch(key, left or (lambda: None), lambda: self.fired.append(key))


def test_time_outs_fire_in_order_and_once() -> None:
    """What is due fires, the earliest first; the rest is waited for."""
    gates = Gates()
    for key, due in (("late", 90), ("b", 20), ("a", 10), ("a", 5)):
        gates.watch(key, due * SECOND)
    assert 10.0 == gates.deadlines.run_due()
    gates.now = 30 * SECOND
    assert 60.0 == gates.deadlines.run_due()
    assert ["a", "b"] == gates.fired


def test_what_is_decided_is_not_watched() -> None:
    """A gate with nothing left to time out takes no place."""
    gates = Gates()
    gates.watch("decided", None)
    assert gates.deadlines.run_due() is None


def test_the_number_of_pending_gates_is_bounded() -> None:
    """Beyond the bound, the time-out is left to whoever resumes."""
    gates = Gates()
    for number in range(BOUND + 10):
        gates.watch(str(number), SECOND)
    gates.now = SECOND
    gates.deadlines.run_due()
    assert BOUND == len(gates.fired)


def test_a_pending_gate_times_out_by_itself(flowstone_capture: Capture) -> None:
    """Nobody has to call: the process that asked tells the time-out."""
    gate = flowstone.checkpoint("publish", timeout=0.05).request()
    until = time.monotonic() + 5
    while not flowstone_capture.of("checkpoint.timeout") and time.monotonic() < until:
        time.sleep(0.01)
    told: Any = flowstone_capture.one("checkpoint.timeout")
    assert (50_000_000, "timed out", gate.id) == (told.duration, gate.verdict, told.checkpoint_id)
