"""From what a user types to traces: correlation id, trace id or run id, in full or its beginning."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from typing import Final

from flowstone_console.rows import CORRELATION, RUN, TRACE

SHORTEST: Final = 4
"""Shorter beginnings of an id are not looked up."""

KINDS: Final = {CORRELATION: "correlation_id", TRACE: "trace_id", RUN: "run_id"}
_HEX: Final = re.compile(r"[0-9a-f-]+")
_LAST: Final = "\U0010ffff"
_MOST: Final = 1000

_EXACT: Final = "SELECT key, kind, trace FROM lookups WHERE key IN (?, ?, ?)"
_BEGINNING: Final = "SELECT key, kind, trace FROM lookups WHERE key >= ? AND key < ? LIMIT ?"
Row = tuple[str, int, int]


class NotFoundError(LookupError):
    """No trace has such an id."""


class AmbiguousError(LookupError):
    """Several ids begin like that.

    Attributes:
        candidates: The ids in question.
    """

    def __init__(self, text: str, candidates: tuple[Match, ...]) -> None:
        super().__init__(f"{text!r} is the beginning of {len(candidates)} ids")
        self.candidates = candidates


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """An id that was found.

    Attributes:
        key: The id in full.
        kind: ``correlation_id``, ``trace_id`` or ``run_id``.
        traces: Row ids of its traces.
    """

    key: str
    kind: str
    traces: frozenset[int]


def resolve(connection: sqlite3.Connection, text: str) -> Match:
    """Return what *text* stands for.

    Raises:
        NotFoundError: Nothing begins like that, or it is shorter than four characters and no id.
        AmbiguousError: It is the beginning of ids that lead to different traces.
    """
    bare = _bare(text)
    rows: list[Row] = connection.execute(_EXACT, (text, text.lower(), bare)).fetchall()
    if rows:
        # The whole of an id, even if it serves as run id here and as correlation id there.
        key, kind, _ = min(rows, key=lambda row: (row[1], row[0]))
        return Match(key=key, kind=KINDS[kind], traces=frozenset(row[2] for row in rows))
    if len(text) < SHORTEST:
        raise NotFoundError(f"{text!r} is no id; the beginning of one has at least {SHORTEST} characters")
    found = _matches({row for start in {text, text.lower(), bare} for row in _beginning(connection, start)})
    if not found:
        raise NotFoundError(f"no correlation id, trace id or run id begins with {text!r}")
    every = frozenset[int]().union(*(match.traces for match in found))
    whole = next((match for match in found if match.traces == every), None)
    if whole is None:
        raise AmbiguousError(text, found)
    return whole


def _beginning(connection: sqlite3.Connection, start: str) -> list[Row]:
    return connection.execute(_BEGINNING, (start, start + _LAST, _MOST)).fetchall()


def _matches(rows: set[Row]) -> tuple[Match, ...]:
    """Gather rows by id, correlation ids first."""
    traces: dict[tuple[int, str], set[int]] = {}
    for key, kind, trace in rows:
        traces.setdefault((kind, key), set()).add(trace)
    return tuple(
        Match(key=key, kind=KINDS[kind], traces=frozenset(found))
        for (kind, key), found in sorted(traces.items())
    )


def _bare(text: str) -> str:
    """Return a trace id without the dashes of its UUID form; any other text as it is."""
    lower = text.lower()
    return lower.replace("-", "") if _HEX.fullmatch(lower) else text
