from __future__ import annotations

import multiprocessing
import os
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from flowstone.plugin import stats
from flowstone_console.config import Config
from flowstone_console.reader import Reader
from flowstone_console.rows import split
from flowstone_console.store import Store
from flowstone_console.writer import Writer
from plugins.console.tests.story import Story

WRITERS = 8
EVENTS = 504  # 84 stories of 6

WRITE = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[3])!r})
from pathlib import Path
from plugins.console.tests.story import Story
from flowstone_console.config import Config
from flowstone_console.rows import split
from flowstone_console.store import Store
from flowstone_console.writer import Writer
from flowstone.plugin import stats
number = int(sys.argv[2])
path = Path(sys.argv[1])
writer = Writer(Store(path), Config(path=path, max_age=1e9))
for each in range(84):
    writer.write(Story(number * 1000 + each + 1).success())
assert writer.flush(2.0)
assert not stats().get("store.dropped"), stats()
"""


def count_of(path: Path) -> int:
    connection = sqlite3.connect(path)
    bodies = connection.execute("SELECT body FROM events").fetchall()
    connection.close()
    return sum(len(split(body)) for (body,) in bodies)


def test_many_processes_at_once_lose_nothing(path: Path) -> None:
    """Eight processes that make the store and write to it at the same time leave every event."""
    args = [sys.executable, "-W", "error", "-c", WRITE, str(path)]
    running = [subprocess.Popen([*args, str(number)]) for number in range(WRITERS)]
    assert [0] * WRITERS == [each.wait(120) for each in running]
    assert WRITERS * EVENTS == count_of(path)
    with sqlite3.connect(path) as connection:
        assert (0,) == connection.execute("SELECT count(*) FROM open_spans").fetchone()
        assert ("ok",) == connection.execute("PRAGMA integrity_check").fetchone()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_children_of_a_writing_parent_write_on_their_own(path: Path, writer: Writer) -> None:
    """Forked children and their parent, who all keep the writer they inherited, lose nothing."""
    writer.write(Story(1).success())
    context = multiprocessing.get_context("fork")

    def work(number: int) -> None:
        for each in range(20):
            writer.write(Story(number * 100 + each).success())

    children = [context.Process(target=work, args=(number,)) for number in range(1, 5)]
    for child in children:
        child.start()
        writer.write(Story(9000 + (child.pid or 0)).success())
    for child in children:
        child.join(60)
    assert [0] * 4 == [child.exitcode for child in children]
    assert 6 * (1 + 4 * 20 + 4) == count_of(path)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_fork_waits_for_no_writer(path: Path, writer: Writer) -> None:
    """While another process holds the lock and a thread tries to write, forking takes far less than a second."""
    writer.write(Story(1).success())
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    thread = threading.Thread(target=writer.write, args=(Story(2).success(),))
    thread.start()
    time.sleep(0.05)
    began = time.monotonic()
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    took = time.monotonic() - began
    os.waitpid(pid, 0)
    other.execute("ROLLBACK")
    other.close()
    thread.join()
    assert writer.flush(1.0)
    assert took < 0.3
    assert 12 == count_of(path)


def test_a_batch_is_on_disk_at_once(path: Path, writer: Writer) -> None:
    """What a batch holds can be read by others as soon as the write returns."""
    writer.write(Story(1).success()[:1])
    assert 1 == count_of(path)


def test_a_busy_store_is_waited_for_less_than_a_second_and_nothing_is_lost(
    path: Path, writer: Writer
) -> None:
    """While another process keeps the lock, a write returns within a second; the batch goes in later."""
    writer.write(Story(1).success())
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        writer.write(Story(2).success())
        assert time.monotonic() - began < 1.0
        began = time.monotonic()
        writer.write(Story(3).success())
        assert time.monotonic() - began < 0.2  # once it failed, it does not insist
        assert not writer.flush(0.05)
        other.execute("ROLLBACK")
    other.close()
    assert writer.flush(1.0)
    assert 18 == count_of(path)


def test_what_a_busy_store_cannot_take_is_bounded_and_counted(path: Path, writer: Writer) -> None:
    """No more than some thousand events are kept for a store that stays busy; the oldest go, counted."""
    writer.write(Story(1).success())
    before = stats().get("store.dropped", 0)
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        batch = [event for each in range(400) for event in Story(each + 2).success()]
        for _ in range(3):
            writer.write(batch)
        other.execute("ROLLBACK")
    other.close()
    assert writer.flush(1.0)
    dropped = stats()["store.dropped"] - before
    assert 0 < dropped
    assert 6 + 3 * len(batch) == count_of(path) + dropped


def test_the_file_is_the_users_alone(path: Path, writer: Writer) -> None:
    """Database, log and index have mode 0600, their folder 0700."""
    writer.write(Story(1).success())
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
    assert {"traces.db": 0o600, "traces.db-wal": 0o600, "traces.db-shm": 0o600} == modes
    assert 0o700 == stat.S_IMODE(path.parent.stat().st_mode)


@pytest.mark.parametrize("rubbish", [b"this is no database" * 400, b"SQLite format 3\0" + b"\xff" * 8000])
def test_a_corrupt_file_is_moved_aside(path: Path, writer: Writer, rubbish: bytes) -> None:
    """A damaged store is kept under another name, counted, and a new one takes the events."""
    path.parent.mkdir()
    path.write_bytes(rubbish)
    before = stats().get("store.corrupt", 0)
    writer.write(Story(1).success())
    assert 6 == count_of(path)
    assert [rubbish] == [each.read_bytes() for each in path.parent.glob("traces.db.corrupt-*")]
    assert 1 == stats()["store.corrupt"] - before


def test_a_store_that_is_removed_is_made_anew(path: Path, writer: Writer) -> None:
    """Deleting the file under a running process loses what was in it, not what comes."""
    writer.write(Story(1).success())
    for each in tuple(path.parent.iterdir()):
        each.unlink()
    writer.write(Story(2).success())
    assert 6 == count_of(path)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("PRAGMA user_version = 99", "newer flowstone-console"),
        ("PRAGMA application_id = 7", "another program"),
    ],
)
def test_a_store_of_another_version_is_left_alone(
    path: Path, config: Config, statement: str, words: str
) -> None:
    """A newer or foreign file is neither written nor read; the message says why, the events are counted."""
    writer = Writer(Store(path), config)
    writer.write(Story(1).success())
    writer.close(1.0)
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()
    before = stats().get("store.dropped", 0)
    writer = Writer(Store(path), config)
    writer.write(Story(2).success())
    writer.close(1.0)
    assert 6 == count_of(path)
    assert 6 == stats()["store.dropped"] - before
    with pytest.raises(Exception, match=words):
        Reader(path)
