"""Lifecycle events on their way through the spool: many on a line, for each by itself would cost four times as much."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from flowstone.plugin import Event, dicts_of, encode_many

MOST: Final = 64
"""Events of a line: whoever reads it makes rows of all of them at once."""
_SPLIT: Final = b" "


def encode(events: Sequence[Event], latest: int) -> bytes:
    """Return the payload of a line.

    Args:
        events: At most ``MOST``.
        latest: Unix microseconds; no entry of the line is told to be later.

    Raises:
        TypeError: An event holds what has no JSON form.
    """
    return b"%d %b" % (latest, encode_many(events))


def newest(events: Sequence[Event], before: int, latest: int) -> int:
    """Return when the last entry of a line is told to have happened, in Unix microseconds.

    Args:
        events: Those of the line.
        before: When the entry before did.
        latest: As for ``encode``.
    """
    return max(before, min(max(event.time for event in events) // 1000, latest))


def decode(payload: bytes, begun: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the events of a line as ``flowstone.plugin.to_dict`` has them, each with its time in Unix microseconds.

    Clocks step back, and hosts' times may be wrong: no entry is told to be earlier than the one before, and
    none to be later than when its line was written, give or take a second.

    Args:
        payload: What ``encode`` returned.
        begun: When the first of them is told to have happened.

    Raises:
        ValueError: It is no such payload.
    """
    latest, _, events = payload.partition(_SPLIT)
    most = int(latest)
    for given in dicts_of(events):
        begun = max(begun, min(given.get("time", 0) // 1000, most))
        yield begun, given
