"""Checkpoints that timed out while nobody was alive to tell it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from flowstone.plugin import (
    CheckpointApproved,
    CheckpointRejected,
    CheckpointRequested,
    CheckpointTimeout,
    Event,
)
from flowstone_console.model import Point

_VERDICTS: Final = (CheckpointApproved, CheckpointRejected, CheckpointTimeout)


def overdue(events: Sequence[Event], now: int) -> list[tuple[Event, Point]]:
    """Return the requests whose time-out has passed without a verdict, each with the row that says so.

    Args:
        events: The events of a trace.
        now: Unix time in nanoseconds.
    """
    decided = {key for event in events if isinstance(event, _VERDICTS) for key in _decided_by(event)}
    found: list[tuple[Event, Point]] = []
    for event in events:
        if not isinstance(event, CheckpointRequested) or event.timeout is None:
            continue
        wait = int(event.timeout * 1e9)
        if event.time + wait <= now and decided.isdisjoint({event.span_id, event.checkpoint_id} - {""}):
            title = f"checkpoint {event.checkpoint} timed out (derived)"
            row = Point(
                event="checkpoint.timeout",
                title=title,
                time=event.time + wait,
                duration=wait or None,
                healthy=False,
            )
            found.append((event, row))
    return found


def _decided_by(verdict: CheckpointApproved | CheckpointRejected | CheckpointTimeout) -> set[str]:
    """Return what tells the request: its span, or where a host links nothing, its token."""
    return {verdict.checkpoint_id, *(link.span_id for link in verdict.links)} - {""}
