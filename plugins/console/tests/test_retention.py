from __future__ import annotations

import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import pytest

from flowstone.plugin import EventDropped
from flowstone_console import config as settings
from flowstone_console.config import Config
from flowstone_console.lookup import NotFoundError
from flowstone_console.reader import Reader
from flowstone_console.retention import prune
from flowstone_console.store import Store
from flowstone_console.writer import Writer
from plugins.console.tests.story import SECOND, Story

DAY = 86_400 * SECOND


def fill(writer: Writer, number: int, *, begin: int, size: int = 0, end: bool = True) -> None:
    events = Story(number, begin=begin).success()
    padded = [replace(event, attributes={"pad": "x" * size}) for event in events]
    writer.write(padded if end else padded[:4])


def there(path: Path) -> list[str]:
    with Reader(path) as reader:
        return sorted(recent.correlation_id for recent in reader.recent(1000))


def test_the_store_stays_below_its_limit(path: Path) -> None:
    """Writing many times the limit keeps the file near it, the newest traces in it, and no trace in half."""
    config = Config(path=path, max_bytes=400_000)
    writer = Writer(Store(path), config)
    now = time.time_ns()
    for number in range(1, 301):
        fill(writer, number, begin=now - (301 - number) * SECOND, size=2000)
    writer.close(1.0)
    assert path.stat().st_size <= 600_000
    kept = there(path)
    assert 15 <= len(kept) < 60
    assert "order-300" in kept
    with Reader(path) as reader:
        assert {6} == {reader.timeline(each).completeness.events for each in kept}
    with sqlite3.connect(path) as connection:
        assert (2,) == connection.execute("PRAGMA auto_vacuum").fetchone()
        lookups = connection.execute("SELECT count(DISTINCT trace) FROM lookups").fetchone()[0]
    connection.close()
    assert len(kept) == lookups


def test_old_traces_go_whole(path: Path, writer: Writer) -> None:
    """A trace beyond the age is gone: its events, its ids, its line in the list."""
    now = time.time_ns()
    for number, age in ((1, 40), (2, 20), (3, 0)):
        fill(writer, number, begin=now - age * DAY)
    prune(Store(path), Config(path=path))
    assert ["order-2", "order-3"] == there(path)
    with Reader(path) as reader, pytest.raises(NotFoundError):
        reader.timeline("order-1")


def test_running_traces_of_today_stay(path: Path, writer: Writer) -> None:
    """Age does not take a running trace that was heard of within a day; size takes it last."""
    now = time.time_ns()
    fill(writer, 1, begin=now - 2 * 3600 * SECOND, end=False)
    fill(writer, 2, begin=now - 2 * 3600 * SECOND)
    fill(writer, 3, begin=now - 2 * DAY, end=False)
    prune(Store(path), Config(path=path, max_age=3600.0))
    assert ["order-1"] == there(path)
    fill(writer, 4, begin=now)
    prune(Store(path), Config(path=path, max_bytes=1))
    assert [] == there(path)


def test_crowding_takes_finished_traces_first(path: Path, writer: Writer) -> None:
    """Over the limit of size, a running trace outlives newer ones that are finished."""
    now = time.time_ns()
    fill(writer, 1, begin=now - 3600 * SECOND, end=False)
    for number in range(2, 40):
        fill(writer, number, begin=now - 60 * SECOND, size=5000)
    prune(Store(path), Config(path=path, max_bytes=200_000), budget=5.0)
    kept = there(path)
    assert "order-1" in kept
    assert len(kept) < 10


def test_losses_without_a_trace_show_in_the_traces_they_fell_into(path: Path, writer: Writer) -> None:
    """What the process dropped counts for the traces of that time, and no other."""
    now = time.time_ns() - 3600 * SECOND
    fill(writer, 1, begin=now)
    fill(writer, 2, begin=now - 3600 * SECOND)
    writer.write([EventDropped(event="io.load.start", count=5, time=now + SECOND, id="d" * 32)])
    with Reader(path) as reader:
        assert [5, 0] == [reader.timeline(f"order-{number}").completeness.dropped for number in (1, 2)]


@pytest.mark.parametrize(
    ("text", "expected"), [("256 MiB", 256 << 20), ("2G", 2 << 30), ("100000", 100_000), ("1", 65_536)]
)
def test_sizes_are_read(text: str, expected: int) -> None:
    """A size is a number with a binary unit, never absurdly small."""
    assert expected == settings.bytes_of(text)


@pytest.mark.parametrize(
    ("text", "expected"), [("30 d", 30 * 86_400), ("12h", 43_200), ("90", 90), ("2 weeks", 1_209_600)]
)
def test_ages_are_read(text: str, expected: float) -> None:
    """An age is a number with a unit of time."""
    assert expected == settings.seconds_of(text)


@pytest.mark.parametrize("url", ["postgres://x", "sqlite://", "sqlite:///", "traces.db"])
def test_an_url_that_is_none_is_refused(url: str) -> None:
    """Only sqlite:///path and off are taken; the message names the setting."""
    with pytest.raises(ValueError, match="FLOWSTONE_STORE_URL"):
        settings.path_of(url)


def test_urls_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store is in the home folder, at the path of its URL, or off."""
    monkeypatch.setenv("FLOWSTONE_HOME", str(tmp_path))
    expected = [tmp_path / "traces.db", None, Path("/a/b.db"), Path("b.db"), tmp_path / "c.db"]
    urls = [
        "sqlite:///$FLOWSTONE_HOME/traces.db",
        "off",
        "sqlite:////a/b.db",
        "sqlite:///b.db",
        "sqlite:///$FLOWSTONE_HOME/c.db",
    ]
    assert expected == [settings.path_of(url) for url in urls]
