"""What the process uses, observed whenever metrics are read; names of OpenTelemetry's process conventions."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from flowstone.otel.cells import Key
from flowstone.otel.instruments import Instrument, Label

PROCESS: Final = (
    Instrument(
        name="process.cpu.time",
        kind="counter",
        unit="s",
        description="CPU time of the process.",
        labels=(Label(key="cpu.mode"),),
        events=(),
    ),
    Instrument(
        name="process.memory.usage",
        kind="updowncounter",
        unit="By",
        description="Resident memory of the process.",
        labels=(),
        events=(),
    ),
    Instrument(
        name="process.thread.count",
        kind="updowncounter",
        unit="{thread}",
        description="Python threads of the process.",
        labels=(),
        events=(),
    ),
)

_STATM: Final = Path("/proc/self/statm")


def observe() -> Iterator[tuple[str, Key, float]]:
    """Yield name, attribute values and present value of each series."""
    times = os.times()  # this process's own, without its children's
    yield "process.cpu.time", ("user",), times.user
    yield "process.cpu.time", ("system",), times.system
    resident = _resident()
    if resident is not None:
        yield "process.memory.usage", (), resident
    yield "process.thread.count", (), threading.active_count()


def _resident() -> int | None:
    """Return the resident memory in bytes where the system tells it cheaply (Linux), else None."""
    try:
        return int(_STATM.read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None
