"""What health reporting lets be read as metrics; nothing where nobody asked for health."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from flowstone.plugin import Measure
from flowstone_health import reporting

_CHECK: Final = "flowstone.health.check.name"
_STATE: Final = "flowstone.health.state"
_STATES: Final = ("healthy", "degraded", "unhealthy", "unknown")

Reading = tuple[tuple[str, ...], float]


def _status() -> Iterator[Reading]:
    board = reporting.peek()
    for state in (board.states or ()) if board is not None else ():
        for word in _STATES:
            yield (state.name, word), float(word == (state.status or "unknown"))


def _transitions() -> Iterator[Reading]:
    board = reporting.peek()
    if board is not None:
        yield from ((series, float(n)) for series, n in list(board.teller.transitions.items()))


def _duration() -> Iterator[Reading]:
    board = reporting.peek()
    for state in (board.states or ()) if board is not None else ():
        if state.look is not None:
            yield (state.name,), state.look.took


MEASURES: Final = (
    Measure(
        name="flowstone.health.status",
        kind="updowncounter",
        unit="1",
        description="1 for the state that the check is in, 0 for the others.",
        labels=(_CHECK, _STATE),
        read=_status,
    ),
    Measure(
        name="flowstone.health.transitions",
        kind="counter",
        unit="{transition}",
        description="Changes of a check's status, by the state after it.",
        labels=(_CHECK, _STATE),
        read=_transitions,
    ),
    Measure(
        name="flowstone.health.check.duration",
        kind="gauge",
        unit="s",
        description="How long the check's latest look took.",
        labels=(_CHECK,),
        read=_duration,
    ),
)
