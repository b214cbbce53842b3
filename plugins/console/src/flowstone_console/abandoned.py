"""The end of work whose process died: when it was last seen alive, and the event that says so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final

from flowstone.plugin import (
    Error,
    Event,
    IoLoadException,
    IoStoreException,
    MaterializationException,
    OperationException,
    Process,
    RunException,
)

ERROR_TYPE: Final = "Abandoned"
_OWN: Final = frozenset({"name", "id", "time", "links"})
_EXCEPTIONS: Final[dict[str, type[OperationException]]] = {
    "run.start": RunException,
    "materialization.start": MaterializationException,
    "io.load.start": IoLoadException,
    "io.store.start": IoStoreException,
}


class Moments:
    """When each operation of a trace was last seen alive.

    Attributes:
        newest: When anything of the trace was last heard; 0 without events.
    """

    def __init__(self, events: Iterable[Event]) -> None:
        self._latest: dict[str, int] = {}
        self._by_process: dict[Process, int] = {}
        parents: dict[str, str] = {}
        processes: dict[str, Process] = {}
        for event in events:
            span = event.span_id
            self._latest[span] = max(self._latest.get(span, 0), event.time)
            if event.parent_id:
                parents[span] = event.parent_id
            process = getattr(event, "process", None)
            if process is not None:
                processes[span] = process
        for span, process in processes.items():
            self._by_process[process] = max(self._by_process.get(process, 0), self._latest[span])
        self.newest = max(self._latest.values(), default=0)
        for span in tuple(self._latest):
            self._raise_ancestors(span, parents)

    def _raise_ancestors(self, span: str, parents: dict[str, str]) -> None:
        moment = self._latest[span]
        parent = parents.get(span)
        # Ends in a circle of parents too: there, somebody has the moment already.
        while parent is not None and self._latest.get(parent, 0) < moment:
            self._latest[parent] = moment
            parent = parents.get(parent)

    def last(self, start: Event) -> int:
        """Return when the operation that *start* opened was last seen: it, what is below it, or its process."""
        moment = max(start.time, self._latest.get(start.span_id, 0))
        process = getattr(start, "process", None)
        return moment if process is None else max(moment, self._by_process.get(process, 0))


def closing(start: Event, last_seen: int) -> Event | None:
    """Return the event that closes *start*, the same whoever makes it; None for an operation of a plugin."""
    cls = _EXCEPTIONS.get(start.name)
    if cls is None:
        return None
    known = {field.name for field in fields(cls)} - _OWN
    kept = {field.name: getattr(start, field.name) for field in fields(start) if field.name in known}
    seen = datetime.fromtimestamp(last_seen / 1e9, UTC).isoformat(timespec="milliseconds")
    process = getattr(start, "process", None)
    whose = "its process" if process is None else f"process {process.pid} on {process.host}"
    return cls(
        **kept,
        id=closing_id(start),
        time=last_seen,
        status="error",
        duration=max(1, last_seen - start.time),
        error=Error(type=ERROR_TYPE, message=f"{whose} is gone; last seen {seen}"),
    )


def closing_id(start: Event) -> str:
    """Return the id of the closing event: the start's time, then a hash of its span."""
    digest = blake2b(f"{start.trace_id}/{start.span_id}/abandoned".encode(), digest_size=10).hexdigest()
    return f"{start.time // 1_000_000 & 0xFFFF_FFFF_FFFF:012x}{digest}"


def is_closing(event: Event) -> bool:
    """Tell whether *event* was made by :func:`closing`, not told by the work itself."""
    error = getattr(event, "error", None)
    return error is not None and error.type == ERROR_TYPE and getattr(event, "status", "") == "error"
