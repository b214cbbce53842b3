"""How flowstone itself is in this process: its drain and its export queues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic

from flowstone.runtime import engine, lane, queues
from flowstone.runtime.queues import QueueState


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """How flowstone itself is.

    Attributes:
        draining: Whether the drain works, or was never needed.
        queued: Records that wait for it.
        bound: Most records that may wait; beyond it the oldest are dropped.
        busy: The plugin that has a batch now; empty where none has.
        busy_s: For how long, in seconds.
        exports: How the export queues stand.
    """

    draining: bool
    queued: int
    bound: int
    busy: str
    busy_s: float
    exports: Sequence[QueueState]


def vitals() -> Vitals:
    """Return how flowstone is in this process; quick, and starts nothing."""
    running = engine.peek()
    busy = running.delivery.busy if running is not None else None
    return Vitals(
        draining=running is None or running.drain.is_alive(),
        queued=len(lane.records),
        bound=lane.BOUND,
        busy=busy.plugin if busy is not None else "",
        busy_s=monotonic() - busy.since if busy is not None else 0.0,
        exports=queues.states(),
    )
