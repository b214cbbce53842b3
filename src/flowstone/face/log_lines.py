"""The JSON line of an event."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, cast

import orjson

from flowstone.catalogue.event import Event
from flowstone.catalogue.operation import OperationEnd, OperationException
from flowstone.catalogue.values import partition_text


class _Present(NamedTuple):
    """Which of the fields that a line tells an event class has."""

    asset: bool
    partition: bool
    end: bool
    error: bool
    failed: bool


_present: Final[dict[type[Event], _Present]] = {}
_second: tuple[int, str] = (-1, "")  # the last one written out, most events share theirs with the one before


def rfc3339(time: int) -> str:
    """Return Unix nanoseconds as UTC text with nanoseconds, ``2025-01-15T08:00:00.000000001Z`` (RFC 3339)."""
    global _second
    seconds, nanoseconds = divmod(time, 1_000_000_000)
    kept = _second
    if kept[0] != seconds:
        kept = _second = seconds, f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"
    return f"{kept[1]}.{nanoseconds:09d}Z"


def line_of(event: Event) -> str:
    """Return the JSON line of *event*, without a line end.

    Written piece by piece, each text escaped by the JSON library and kept: most lines differ
    from the one before in times and span id only, and this costs half of a dict for each.
    """
    present = _present.get(type(event)) or _look_at(type(event))
    told = cast(Any, event)  # the fields were looked up above
    span_id = event.span_id  # new each time, so not kept
    shown = f'"{span_id}"' if span_id.isalnum() and span_id.isascii() else _escape(span_id)
    severity = "ERROR" if present.failed else "INFO"
    line = f'{{"timestamp":"{rfc3339(event.time)}","severity":"{severity}","event":{_escape(event.name)}'
    if present.asset:
        line += f',"asset":{_escape(told.asset)}'
    if present.partition and told.partition is not None:
        line += f',"partition":{_escape(partition_text(told.partition) or "")}'
    line += (
        f',"run_id":{_escape(event.run_id)},"correlation_id":{_escape(event.correlation_id)}'
        f',"trace_id":{_escape(event.trace_id)}'
        f',"span_id":{shown}'
    )
    if present.end:
        line += f',"duration_ms":{round(told.duration / 1e6, 3)},"status":{_escape(told.status)}'
    if present.error and told.error is not None:
        line += f',"error_type":{_escape(told.error.type)},"error_message":{_escape(told.error.message)}'
    return line + "}"


# What JSON leaves as it is, but Unicode and many readers take for the end of a line.
_ENDS: Final = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}


def one_line(line: str) -> str:
    """Return a JSON text with every kind of line end inside it escaped."""
    return line if line.isascii() else line.translate(_ENDS)


class _Escaped(dict[str, str]):
    """Texts as JSON, made when first asked for; begun anew when there are many."""

    def __missing__(self, text: str) -> str:
        if len(self) >= _KEPT:
            self.clear()
        made = self[text] = one_line(orjson.dumps(text).decode())
        return made


_KEPT: Final = 2048
_escape: Final = _Escaped().__getitem__


def _look_at(cls: type[Event]) -> _Present:
    have = {field.name for field in fields(cls)}
    found = _Present(
        "asset" in have,
        "partition" in have,
        issubclass(cls, OperationEnd),
        "error" in have,
        issubclass(cls, OperationException),
    )
    _present[cls] = found
    return found
