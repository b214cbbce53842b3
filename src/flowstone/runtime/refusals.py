"""What listeners refused to take responsibility for, kept for whoever waits to be told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_KEPT: Final = 1024


class Refused(Exception):
    """Raised by ``settle``: what it was given is not kept, and whoever waits for it shall know.

    It is no fault of the plugin: it is not counted, and leads to no quarantine. Today decisions on
    checkpoints wait: ``approve``, ``reject`` and ``expire`` raise ``CheckpointNotRecorded`` then.

    Args:
        message: Why, in a sentence for the one who waits.
        events: Ids of the events that are refused.
    """

    def __init__(self, message: str, events: Iterable[str]) -> None:
        super().__init__(message)
        self.events = tuple(events)


class Refusals:
    """The refusals of a process by event id, the latest of them."""

    def __init__(self) -> None:
        self._kept: dict[str, str] = {}

    def note(self, refused: Refused) -> None:
        """Keep a refusal until somebody asks for it."""
        for id in refused.events:
            while len(self._kept) >= _KEPT:
                self._kept.pop(next(iter(self._kept)), None)
            self._kept[id] = str(refused)

    def of(self, id: str) -> str:
        """Return why the event *id* was refused, empty where it was not; it is forgotten then."""
        return self._kept.pop(id, "")
