"""The JSON line of an event."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, Final, NamedTuple, cast

import orjson

from flowstone.catalogue.event import CustomEvent, Event
from flowstone.catalogue.operation import OperationEnd, OperationStart
from flowstone.catalogue.values import Error, partition_text
from flowstone.runtime.export.data import DEBUG, FAULT, INFO, WARN
from flowstone.runtime.severities import severity_of


class _Present(NamedTuple):
    """What a line tells of an event class.

    Attributes:
        severity: Tells how severe it is, as a number of OpenTelemetry's.
        about: Reads the event's name and what it is about, as a tuple.
        partition: Whether a partition is the last of it.
        end: Whether it has a duration and a status.
        timed: Whether it may have a duration otherwise.
        error: Whether it has an error.
        others: Reads its other fields, as a tuple; None where it has none.
        names: What those are called in a line.
        silent: Their values that need not be told; where these are all there are, nothing is.
    """

    severity: Callable[[Event], int]
    about: Callable[[Event], tuple[Any, ...]]
    partition: bool
    end: bool
    timed: bool
    error: bool
    others: Callable[[Event], tuple[Any, ...]] | None
    names: tuple[str, ...]
    silent: tuple[Any, ...]


_present: Final[dict[type[Event], _Present]] = {}
_scope: Final = attrgetter("run_id", "correlation_id", "trace_id", "pipeline")
_abouts: Final[dict[tuple[Any, ...], str]] = {}
_scopes: Final[dict[tuple[str, ...], str]] = {}
# Format codes, which cost a third of what an f-string makes of numbers that are padded.
_LINE: Final = '{"timestamp":"%s.%09dZ"%s%s%s%s%s%s}'
_END_LINE: Final = '{"timestamp":"%s.%09dZ"%s%s%s%s,"duration_ms":%d.%03d,"status":%s%s%s}'
_SEVERITIES: Final = {
    DEBUG: ',"severity":"DEBUG"',
    INFO: ',"severity":"INFO"',
    WARN: ',"severity":"WARNING"',
    FAULT: ',"severity":"ERROR"',
}
"""In the words of ``logging``, which the lines beside them have."""

_LOGGING: Final = {DEBUG: logging.DEBUG, INFO: logging.INFO, WARN: logging.WARNING, FAULT: logging.ERROR}
_TOLD: Final = frozenset({"asset", "partition", "duration", "error", "links"})
_KEYS: Final = frozenset({"checkpoint_id"})
"""Whoever has the token of a checkpoint can decide it, and logs are read by many."""

_OURS: Final = frozenset(
    {
        "timestamp",
        "severity",
        "event",
        "asset",
        "partition",
        "run_id",
        "correlation_id",
        "trace_id",
        "span_id",
    }
    | {"pipeline", "duration_ms", "error_type", "error_message"}
)
_KEPT: Final = 2048
_TEXTS: Final = frozenset({str, type(None)})
_second: tuple[int, str] = (-1, "")  # the last one written out, most events share theirs with the one before


def rfc3339(time: int) -> str:
    """Return Unix nanoseconds as UTC text with nanoseconds, ``2025-01-15T08:00:00.000000001Z`` (RFC 3339)."""
    seconds, nanoseconds = divmod(time, 1_000_000_000)
    return f"{_until_second(seconds)}.{nanoseconds:09d}Z"


def _until_second(seconds: int) -> str:
    global _second
    kept = _second
    if kept[0] != seconds:
        kept = _second = seconds, f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"
    return kept[1]


def line_of(event: Event) -> str:
    """Return the JSON line of *event*, without a line end.

    Put together from pieces that are kept: most lines differ from the one before in times and
    span id only, and this costs a fourth of a dict for each.
    """
    present = _present.get(type(event)) or _look_at(type(event))
    severity, read, has_partition, is_end, is_timed, has_error, others, _, silent = present
    told = cast(Any, event)  # the fields were looked up above
    span_id = event.span_id  # new each time, so not kept
    shown = f'"{span_id}"' if span_id.isalnum() and span_id.isascii() else _escape(span_id)
    things, ids = read(event), _scope(event)
    # Equal moments in two time zones are written differently, so only texts may be looked up.
    kept = not has_partition or type(things[-1]) in _TEXTS
    about = (_abouts.get(things) if kept else None) or _about(present, things, kept)
    scope = _scopes.get(ids) or _scope_of(ids)
    seconds, nanoseconds = divmod(event.time, 1_000_000_000)
    second = _second
    second_text = second[1] if second[0] == seconds else _until_second(seconds)
    error = _error(told.error) if has_error and told.error is not None else ""
    found = others(event) if others is not None else silent
    more = "" if found == silent else _more(present, found)
    weight = _SEVERITIES[severity(event)]
    if not is_end:
        took = _took(told) if is_timed else ""
        return _LINE % (second_text, nanoseconds, weight, about, scope, shown, more, took + error)
    microseconds = (told.duration + 500) // 1000 if told.duration > 0 else 0
    return _END_LINE % (
        second_text,
        nanoseconds,
        weight,
        about,
        scope,
        shown,
        microseconds // 1000,
        microseconds % 1000,
        _escape(told.status),
        more,
        error,
    )


def level_of(event: Event) -> int:
    """Return the level of the line of *event*, as ``logging`` numbers it."""
    present = _present.get(type(event)) or _look_at(type(event))
    return _LOGGING[present.severity(event)]


def _took(event: Any) -> str:
    """Return how long a point took, where that is known."""
    duration = getattr(event, "duration", None)
    return f',"duration_ms":{duration / 1e6:.3f}' if isinstance(duration, int) and duration > 0 else ""


def _more(present: _Present, found: tuple[Any, ...]) -> str:
    """Return the fields that only some classes have, without those that say nothing."""
    made = ""
    for name, value, silent in zip(present.names, found[1:], present.silent[1:], strict=True):
        if value is None or value in (silent, ""):
            continue
        if isinstance(value, str):
            made += f',"{name}":{_escape(value)}'
        else:
            made += f',"{name}":{one_line(orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS, default=str).decode())}'
    return made


def _error(error: Error) -> str:
    return f',"error_type":{_escape(error.type)},"error_message":{_escape(error.message)}'


def _about(present: _Present, things: tuple[Any, ...], kept: bool) -> str:
    """Return severity, event, and what it is about; keep it where *kept* says so."""
    name, *rest = things
    partition = partition_text(rest.pop()) if present.partition else None
    made = f',"event":{_escape(name)}'
    if rest:
        made += f',"asset":{_escape(rest[0])}'
    if partition is not None:
        made += f',"partition":{_escape(partition)}'
    if kept:
        if len(_abouts) >= _KEPT:
            _abouts.clear()
        _abouts[things] = made
    return made


def _scope_of(ids: tuple[str, ...]) -> str:
    """Return where it happened, and keep it."""
    run_id, correlation_id, trace_id, pipeline = map(_escape, ids)
    named = f',"pipeline":{pipeline}' if ids[3] else ""
    if len(_scopes) >= _KEPT:
        _scopes.clear()
    made = _scopes[ids] = (
        f'{named},"run_id":{run_id},"correlation_id":{correlation_id},"trace_id":{trace_id},"span_id":'
    )
    return made


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


_escape: Final = _Escaped().__getitem__


def _look_at(cls: type[Event]) -> _Present:
    have = {field.name: field for field in fields(cls)}
    read = [name for name in ("asset", "partition") if name in have]
    own = _own(cls)
    # Of operations only what is unusual is told; of a moment everything, for that is what it is about.
    by_default = issubclass(cls, OperationStart | OperationEnd | CustomEvent)
    found = _Present(
        severity_of(cls),
        attrgetter("name", *read) if read else _name,
        "partition" in have,
        issubclass(cls, OperationEnd),
        "duration" in have,
        "error" in have,
        attrgetter("name", *own) if own else None,
        tuple(f"{name}_name" if name in _OURS else name for name in own),
        (have["name"].default, *(have[name].default if by_default else None for name in own)) if own else (),
    )
    _present[cls] = found
    return found


def _own(cls: type[Event]) -> list[str]:
    """Return the fields of a class that neither every event nor every operation has."""
    common = {field.name for base in (Event, OperationStart, OperationEnd) for field in fields(base)}
    if not issubclass(cls, OperationStart | OperationEnd):
        common -= {"status"}
    if cls is CustomEvent:
        common -= {"attributes"}
    return [field.name for field in fields(cls) if field.name not in common | _TOLD | _KEYS]


def _name(event: Event) -> tuple[str]:
    return (event.name,)
