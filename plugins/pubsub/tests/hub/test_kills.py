"""The same count over processes, which are killed with -9 at any moment, and come back."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flowstone_pubsub import Gap, Retention, open_engine
from flowstone_pubsub.patterns import Patterns
from flowstone_pubsub.testing.reading import Gathered, covered, read_all
from plugins.pubsub.tests.accounting import Seen, unaccounted

ROOT = Path(__file__).parents[4]
ROOM = "plugins.pubsub.tests.hub"
READERS = (
    ("drop_oldest", 8, 0.0, ("*",)),
    ("drop_oldest", 4, 0.003, ("asset:*", "a")),
    ("drop_newest", 4, 0.003, ("run:1",)),
    ("spill", 8, 0.001, ("*",)),
    ("spill", 4, 0.0, ("asset:x",)),
)


class Child:
    """A process that is killed and started again."""

    def __init__(self, *command: str) -> None:
        self.command = command
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *command: str) -> None:
        args = [sys.executable, "-m", *(command or self.command)]
        self.process = subprocess.Popen(args, cwd=ROOT)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


def until(holds: Callable[[], bool]) -> None:
    """Wait for processes, of which many start at once on few cores."""
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)


@pytest.fixture
def children() -> Iterator[list[Child]]:
    """Processes that end with the test, however it ends."""
    started: list[Child] = []
    yield started
    for child in started:
        child.kill()


class KilledReader(Child):
    """A reader that goes on at the position it noted last."""

    def __init__(self, url: str, notes: Path, kind: tuple[str, int, float, tuple[str, ...]]) -> None:
        super().__init__()
        self.policy, self.maxlen, self.pause, self.topics = kind
        self.url, self.notes = url, notes

    def begin(self) -> None:
        since = self.noted()[1]
        self.cut()
        shape = (self.policy, str(self.maxlen), str(self.pause))
        self.start(f"{ROOM}.reader", self.url, str(self.notes), str(since), *shape, *self.topics)

    def cut(self) -> None:
        """Take away a line that the kill has torn: it was not noted."""
        if self.notes.exists():
            data = self.notes.read_bytes()
            self.notes.write_bytes(data[: data.rfind(b"\n") + 1])

    def noted(self) -> tuple[list[Seen], int]:
        """Return what it has seen, and up to where it was whole."""
        seen: list[Seen] = []
        position = 0
        lines = self.notes.read_text().split("\n")[:-1] if self.notes.exists() else []
        for line in lines:
            kind, *rest, _, at = line.split(" ")
            if kind == "gap":
                reason: Any = rest[2]
                seen.append(Gap(int(rest[0]), int(rest[1]), reason))
            else:
                seen.append((int(rest[0]), rest[1]))
            position = int(at)
        return seen, position


@pytest.mark.parametrize(("seed", "records"), [(1, 100_000), (2, 150)])
def test_nothing_is_missing_in_silence(
    tmp_path: Path, children: list[Child], seed: int, records: int
) -> None:
    """Publishers and subscribers killed at random, small retention or large: each seq is seen, or in a gap."""
    dice = random.Random(seed)
    url = f"sqlite:///{tmp_path}/events.db"
    engine = open_engine(url, Retention(records=records))
    truth = Gathered()
    engine.follow(0, truth)
    writers = [Child(f"{ROOM}.writer", url, str(records), str(n)) for n in range(2)]
    readers = [KilledReader(url, tmp_path / f"notes-{n}", kind) for n, kind in enumerate(READERS)]
    children += [*writers, *readers]
    for writer in writers:
        writer.start()
    for reader in readers:
        reader.begin()
    until(lambda: len(truth.items) > 100 and all(reader.noted()[0] for reader in readers))
    for _ in range(10):
        time.sleep(dice.uniform(0.1, 0.5))
        victim = dice.choice([*writers, *readers])
        victim.kill()
        victim.begin() if isinstance(victim, KilledReader) else victim.start()
    for writer in writers:
        writer.kill()
    newest = engine.bounds()[1]
    truth.wait_for(newest, 20)
    assert newest == covered(truth.items)
    log = {record.seq: (record.id, record.topics) for record in truth.records}
    unknown = [item for item in truth.items if isinstance(item, Gap)]
    for reader in readers:
        last = max(seq for seq, (_, topics) in log.items() if Patterns(reader.topics).match(topics))
        until(lambda reader=reader, last=last: last <= reader.noted()[1])  # type: ignore[misc]
        reader.kill()
        seen = reader.noted()[0]
        assert [] == unaccounted(seen, log, reader.topics, after=0, until=last, unknown=unknown)
    if records > newest:
        assert newest == len(read_all(engine)) == len(log)
    engine.close()


def test_what_was_published_survives_the_publisher(tmp_path: Path, children: list[Child]) -> None:
    """After kill -9 of the only publisher all that a subscriber heard of is in the log, and the log is sound."""
    url = f"sqlite:///{tmp_path}/events.db"
    engine = open_engine(url)
    heard = Gathered()
    engine.follow(None, heard)
    for seed in range(3):
        writer = Child(f"{ROOM}.writer", url, "100000", str(seed))
        children.append(writer)
        writer.start()
        heard.wait(len(heard.records) + 50, 20)
        writer.kill()
    time.sleep(0.3)
    assert read_all(engine) == heard.items
    assert list(range(1, len(heard.items) + 1)) == heard.seqs
    engine.close()
