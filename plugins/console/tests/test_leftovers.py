"""What a process could not write before its end."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path

from flowstone.plugin import Event, stats
from flowstone_console import leftovers
from flowstone_console.config import Config
from flowstone_console.reader import Reader
from flowstone_console.store import Store
from flowstone_console.writer import Writer
from plugins.console.tests.story import Story


def _writer(path: Path) -> Writer:
    return Writer(Store(path), Config(path=path, max_age=1e9))


def _shown(path: Path, events: list[Event]) -> bool:
    """Tell whether the store shows just *events* under their id."""
    with Reader(path) as reader:
        (trace,) = reader.timeline(events[0].correlation_id).traces
    return [event.id for event in events] == [event.id for event in trace.events]


def test_an_end_waits_for_a_busy_store(path: Path, writer: Writer) -> None:
    """Where another process keeps the store for a second, closing waits for it as long as it may."""
    writer.write(Story(1).success())
    late = Story(2).success()
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(1.0, lambda: other.execute("ROLLBACK"))
    release.start()
    writer.write(late)
    assert writer.close(4.0)
    release.join()
    other.close()
    assert _shown(path, late)


def test_what_a_busy_store_never_took_is_brought_in_by_the_next(path: Path, writer: Writer) -> None:
    """What cannot be written until the end is left beside the store; the next process to write brings it in."""
    writer.write(Story(1).success())
    late, before = Story(2).success(), stats().get("store.dropped", 0)
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        writer.write(late)
        began = time.monotonic()
        assert not writer.close(0.5)
        assert time.monotonic() - began < 1.0
        other.execute("ROLLBACK")
    other.close()
    assert 1 == len(leftovers._left(path))
    assert before == stats().get("store.dropped", 0)
    after = _writer(path)
    after.write(Story(3).success())
    after.close(1.0)
    assert [] == leftovers._left(path)
    assert _shown(path, late)


def test_who_reads_brings_it_in(path: Path) -> None:
    """Where nobody writes any more, reading brings it in; done twice, it shows once."""
    writer, late = _writer(path), Story(2).success()
    writer.gather(late)
    writer._leave()
    (left,) = leftovers._left(path)
    held = left.read_bytes()
    leftovers.bring_in(path)
    left.write_bytes(held)
    leftovers.bring_in(path)
    assert [] == leftovers._left(path)
    assert _shown(path, late)
