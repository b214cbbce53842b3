"""Checkpoints that wait for a decision, and those that timed out while nobody was alive to tell it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
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
    found: list[tuple[Event, Point]] = []
    for event in _undecided(events):
        if _is_over(event, now):
            wait = int((event.timeout or 0.0) * 1e9)
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


def waiting(rows: Sequence[tuple[Event, Point | None]], now: int) -> list[tuple[Event, Point | None]]:
    """Return *rows*; those of requests that wait for a decision say so, and have the token that decides.

    Args:
        rows: The events of a trace, each with its row.
        now: Unix time in nanoseconds.
    """
    tokens = {
        request.span_id: request.checkpoint_id
        for request in _undecided([event for event, _ in rows])
        if request.checkpoint_id and not _is_over(request, now)
    }
    return [
        (event, replace(row, title=f"{row.title}, undecided", token=tokens[event.span_id]))
        if row is not None and isinstance(event, CheckpointRequested) and event.span_id in tokens
        else (event, row)
        for event, row in rows
    ]


def _undecided(events: Sequence[Event]) -> list[CheckpointRequested]:
    decided = {key for event in events if isinstance(event, _VERDICTS) for key in _decided_by(event)}
    return [
        event
        for event in events
        if isinstance(event, CheckpointRequested)
        and decided.isdisjoint({event.span_id, event.checkpoint_id} - {""})
    ]


def _is_over(request: CheckpointRequested, now: int) -> bool:
    return request.timeout is not None and request.time + int(request.timeout * 1e9) <= now


def _decided_by(verdict: CheckpointApproved | CheckpointRejected | CheckpointTimeout) -> set[str]:
    """Return what tells the request: its span, or where a host links nothing, its token."""
    return {verdict.checkpoint_id, *(link.span_id for link in verdict.links)} - {""}
