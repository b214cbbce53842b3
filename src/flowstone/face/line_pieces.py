"""Pieces of JSON lines: most lines differ from the one before in times and span id only, so the rest is kept."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import orjson

from flowstone.catalogue.values import Error, partition_text

_KEPT: Final = 2048
_SECONDS_KEPT: Final = 16  # events come nearly in their order
# What JSON leaves as it is, but Unicode and many readers take for the end of a line.
_ENDS: Final = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}


def rfc3339(time: int) -> str:
    """Return Unix nanoseconds as UTC text with nanoseconds, ``2025-01-15T08:00:00.000000001Z`` (RFC 3339)."""
    seconds, nanoseconds = divmod(time, 1_000_000_000)
    return f"{second_of(seconds)}.{nanoseconds:09d}Z"


def one_line(line: str) -> str:
    """Return a JSON text with every kind of line end inside it escaped."""
    return line if line.isascii() else line.translate(_ENDS)


class _Seconds(dict[int, str]):
    """Unix seconds as text up to the second, most events share theirs with the one before."""

    def __missing__(self, seconds: int) -> str:
        if len(self) >= _SECONDS_KEPT:
            self.clear()
        made = self[seconds] = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"
        return made


class _Escaped(dict[str, str]):
    """Texts as JSON, made when first asked for; begun anew when there are many."""

    def __missing__(self, text: str) -> str:
        if len(self) >= _KEPT:
            self.clear()
        made = self[text] = one_line(orjson.dumps(text).decode())
        return made


class Scopes(dict[tuple[str, ...], str]):
    """Where something happened, by run id, correlation id, trace id and pipeline."""

    def __missing__(self, ids: tuple[str, ...]) -> str:
        if len(self) >= _KEPT:
            self.clear()
        run_id, correlation_id, trace_id, pipeline = map(escape, ids)
        named = f',"pipeline":{pipeline}' if ids[3] else ""
        made = self[ids] = (
            f'{named},"run_id":{run_id},"correlation_id":{correlation_id},"trace_id":{trace_id},"span_id":'
        )
        return made


second_of: Final = _Seconds().__getitem__
escape: Final = _Escaped().__getitem__


def about(event: Any, *, asset: bool, partition: bool) -> str:
    """Return an event's name and what it is about."""
    made = f',"event":{escape(event.name)}'
    if asset:
        made += f',"asset":{escape(event.asset)}'
    told = partition_text(event.partition) if partition else None
    return made if told is None else f'{made},"partition":{escape(told)}'


def took(duration: object) -> str:
    """Return how long a point took, where that is known."""
    return f',"duration_ms":{duration / 1e6:.3f}' if isinstance(duration, int) and duration > 0 else ""


def error(told: Error) -> str:
    """Return what went wrong."""
    return f',"error_type":{escape(told.type)},"error_message":{escape(told.message)}'


def others(names: tuple[str, ...], found: tuple[Any, ...], silent: tuple[Any, ...]) -> str:
    """Return the fields that only some classes have, without those that say nothing.

    Args:
        names: What they are called in a line.
        found: Their values.
        silent: Values that need not be told.
    """
    made = ""
    for name, value, unsaid in zip(names, found, silent, strict=True):
        if value is None or value in (unsaid, ""):
            continue
        if isinstance(value, str):
            made += f',"{name}":{escape(value)}'
        else:
            made += f',"{name}":{one_line(orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS, default=str).decode())}'
    return made
