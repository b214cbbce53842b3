"""How much waits in the spools, and since when; read when metrics are, and for health."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from time import monotonic, time_ns
from typing import Final, NamedTuple

from flowstone.plugin import Measure, stats
from flowstone_audit import config, recorder, verified
from flowstone_audit.spool import folder, line

_HEAD: Final = 64
_COUNTED: Final = 1 << 16
_TOGETHER_S: Final = 0.05
"""Gauges that are read within it are of one export, and share one look at the spools."""
TAMPERED: Final = "audit.tampered."
"""Counts the verifications that found something; the kind of the first finding comes behind it."""
_LOSSES: Final = {
    "audit.dropped": "dropped",
    "audit.spool.damaged": "damaged",
    "audit.refused": "refused",
}


class Depth(NamedTuple):
    """What waits in the spools of a home.

    Attributes:
        size: Bytes that the database has not.
        entries: How many they are; estimated where there are many.
        age: Seconds since the oldest of them happened; 0 where nothing waits.
        taken: Bytes of all segments, of which ``FLOWSTONE_AUDIT_SPOOL_MAX_BYTES`` is the most.
    """

    size: int
    entries: int
    age: float
    taken: int


_looked: tuple[float, Depth | None] = (float("-inf"), None)


def look(settings: config.Config) -> Depth:
    """Return what waits in the spools of *settings*' home."""
    found = folder.look(settings.spool)
    size = entries = 0
    oldest: int | None = None
    for stem, numbers in found.segments.items():
        at = _position(settings, stem)
        for number in numbers:
            if number < at[0]:
                continue
            with suppress(OSError, ValueError):
                path = folder.segment_path(settings.spool, stem, number)
                waiting, some, since = _segment(path, at[1] if number == at[0] else 0)
                size += waiting
                entries += some
                oldest = since if oldest is None or (since and since < oldest) else oldest
    age = max(time_ns() / 1e9 - oldest / 1e6, 0.0) if oldest else 0.0
    return Depth(size, entries, age, found.size)


def _position(settings: config.Config, stem: str) -> tuple[int, int]:
    try:
        number, offset = folder.claim_path(settings.spool, stem).read_bytes().split()
        return int(number), int(offset)
    except (OSError, ValueError):
        return 0, 0


def _segment(path: os.PathLike[str], offset: int) -> tuple[int, int, int | None]:
    """Return bytes and entries of a segment from *offset* on, and when the first of them happened (Unix us)."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size = os.fstat(descriptor).st_size
        if offset == 0:  # the first line says whose it is
            offset = os.pread(descriptor, 4096, 0).find(b"\n") + 1
        waiting = max(size - offset, 0)
        if not waiting:
            return 0, 0, None
        data = os.pread(descriptor, min(waiting, _COUNTED), offset)
        entries = sum(map(line.entries_of, data.split(b"\n")[:-1])) * waiting // max(len(data), 1)
        return waiting, entries, _happened(data)
    finally:
        os.close(descriptor)


def _happened(data: bytes) -> int | None:
    """Return when the first entry of *data* happened (Unix us); None where a crash tore or zeroed its line."""
    try:
        return int(data[:_HEAD].split(b" ", 3)[2])
    except (IndexError, ValueError):
        return None


def _read(field: str) -> Iterable[tuple[tuple[str, ...], float]]:
    global _looked
    at, found = _looked
    if not at <= monotonic() < at + _TOGETHER_S:
        found = _look()
        _looked = monotonic(), found
    return [] if found is None else [((), float(getattr(found, field)))]


def _look() -> Depth | None:
    keeper = recorder.peek()
    try:
        settings = config.load() if keeper is None else keeper.config
    except (OSError, ValueError):
        return None
    return None if settings.url is None else look(settings)


def _verified() -> Iterable[tuple[tuple[str, ...], float]]:
    try:
        settings = recorder.settings()
    except (OSError, ValueError):
        return []
    age = None if settings.url is None else verified.age(settings)
    return [] if age is None else [((), age)]


def _lost() -> Iterable[tuple[tuple[str, ...], float]]:
    counted = stats()
    return [((reason,), float(counted[key])) for key, reason in _LOSSES.items() if key in counted]


def _tampered() -> Iterable[tuple[tuple[str, ...], float]]:
    found = sorted((key, made) for key, made in stats().items() if key.startswith(TAMPERED))
    return [((key.removeprefix(TAMPERED),), float(made)) for key, made in found]


MEASURES: Final = (
    Measure(
        name="flowstone.audit.spool.size",
        kind="gauge",
        unit="By",
        description="Bytes in the spools of this home that the audit database has not yet.",
        read=lambda: _read("size"),
    ),
    Measure(
        name="flowstone.audit.spool.entries",
        kind="gauge",
        unit="{entry}",
        description="Entries in the spools of this home that the audit database has not yet.",
        read=lambda: _read("entries"),
    ),
    Measure(
        name="flowstone.audit.spool.age",
        kind="gauge",
        unit="s",
        description="How long ago the oldest entry happened that waits in a spool of this home.",
        read=lambda: _read("age"),
    ),
    Measure(
        name="flowstone.audit.lost",
        kind="counter",
        unit="{entry}",
        description="Audit entries that could not be kept, by reason.",
        labels=("flowstone.reason",),
        read=_lost,
    ),
    Measure(
        name="flowstone.audit.tampered",
        kind="counter",
        unit="{verification}",
        description="Verifications of this process that found the audit log changed, by the first thing that was done to it.",
        labels=("flowstone.audit.verdict",),
        read=_tampered,
    ),
    Measure(
        name="flowstone.audit.verified.age",
        kind="gauge",
        unit="s",
        description="How long ago the whole log was last verified from this home, and nothing was found.",
        read=_verified,
    ),
)
