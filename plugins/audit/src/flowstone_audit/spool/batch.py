"""Lifecycle events on their way through the spool: many on a line, for each by itself would cost four times as much."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from flowstone.plugin import Event, dicts_of, encode_many

MOST: Final = 64
"""Events of a line: whoever reads it makes rows of all of them at once."""
LONGEST: Final = 131_072
"""Bytes of a batch; where they are more it is divided."""
_SPLIT: Final = b" "


class Batch(NamedTuple):
    """Events that share a line.

    Attributes:
        events: At most ``MOST``.
        data: All of them, as ``flowstone.plugin.encode_many`` writes them.
    """

    events: Sequence[Event]
    data: bytes

    def newest(self, before: int, latest: int) -> int:
        """Return when the last entry is told to have happened, in Unix microseconds.

        Args:
            before: When the entry before did.
            latest: No entry is told to be later.
        """
        return max(before, min(max(event.time for event in self.events) // 1000, latest))

    def begun(self, before: int, latest: int) -> int:
        """Return when the first entry is told to have happened, likewise."""
        return max(before, min(self.events[0].time // 1000, latest))


class Unfit(NamedTuple):
    """An event that fits no batch.

    Attributes:
        event: The event.
        encodable: Whether it has a JSON form, and is too long only.
    """

    event: Event
    encodable: bool


def packed(events: Sequence[Event]) -> Iterator[Batch | Unfit]:
    """Yield *events* in batches, in their order."""
    for begin in range(0, len(events), MOST):
        yield from _packed(events[begin : begin + MOST])


def _packed(events: Sequence[Event]) -> Iterator[Batch | Unfit]:
    try:
        data = encode_many(events)
    except TypeError:  # none from the drain: somebody else's
        data = None
    if data is not None and len(data) <= LONGEST:
        yield Batch(events, data)
    elif len(events) == 1:
        yield Unfit(events[0], data is not None)
    else:
        half = len(events) // 2
        yield from _packed(events[:half])
        yield from _packed(events[half:])


def payload_of(batch: Batch, latest: int) -> bytes:
    """Return the payload of a line: *latest*, a space, the events."""
    return b"%d %b" % (latest, batch.data)


def decode(payload: bytes, begun: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the events of a line as ``flowstone.plugin.to_dict`` has them, each with its time in Unix microseconds.

    Clocks step back, and hosts' times may be wrong: no entry is told to be earlier than the one before, and
    none to be later than when its line was written, give or take a second.

    Args:
        payload: What ``payload_of`` returned.
        begun: When the first of them is told to have happened.

    Raises:
        ValueError: It is no such payload.
    """
    latest, _, events = payload.partition(_SPLIT)
    most = int(latest)
    for given in dicts_of(events):
        begun = max(begun, min(given.get("time", 0) // 1000, most))
        yield begun, given
