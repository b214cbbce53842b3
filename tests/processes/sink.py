"""A plugin that appends every event to a file, and the reading of that file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from flowstone.catalogue import codec
from flowstone.plugin import Event, encode, hookimpl
from flowstone.runtime import engine


class FileSink:
    """Writes each batch with one ``os.write``: lines of several processes do not mix."""

    def __init__(self, path: str) -> None:
        self.path = path

    @hookimpl
    def on_events(self, batch: Sequence[Event]) -> None:
        lines = b"".join(b"%d %s\n" % (os.getpid(), encode(event)) for event in batch)
        fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(fd, lines)
        finally:
            os.close(fd)


def install(path: str) -> None:
    """Have only a file sink in this process (and in its forked children)."""
    made = engine.Engine(load=False)
    engine.replace(made)
    made.plugins.register(FileSink(path), "sink")
    made.start()
    from flowstone.runtime import lifetimes

    lifetimes.watch(engine.shutdown_at_exit)


def read(path: Path) -> list[tuple[int, Event]]:
    """Return pid and event of each line."""
    found = []
    for line in path.read_bytes().splitlines():
        pid, _, body = line.partition(b" ")
        found.append((int(pid), codec.decode(body)))
    return found
