"""The contract of an engine's log: numbers, order, following, reading again, retention."""

from __future__ import annotations

import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar, Final

import pytest

from flowstone_pubsub.engines.base import Engine, Record, Retention
from flowstone_pubsub.engines.opening import open_engine
from flowstone_pubsub.envelope import Envelope
from flowstone_pubsub.message import Gap
from flowstone_pubsub.testing.reading import Gathered, covered, holes, outgoing, publish_patiently, read_all

Open = Callable[..., Engine]

AWKWARD: Final = (
    "asset:a", "a", "a:b", "a:b:c", "asset:*name", "*.>", "a b", " ", ">", ".", "..", "a.b", "a/b", "?[x]", "\\",
    "ümläut", "東京", "😀", "'; DROP TABLE log; --", '"quoted"', "{a}", "$SYS", "%2A", "\t", "line\nend", "x" * 512,
    "日" * 512,
)  # fmt: skip

_PUBLISH: Final = """
import sys
from flowstone_pubsub.engines.opening import open_engine
from flowstone_pubsub.testing.reading import outgoing, publish_patiently
engine = open_engine(sys.argv[1])
for number in range(int(sys.argv[3])):
    publish_patiently(engine, [outgoing([sys.argv[2], number])], 10)
engine.close()
"""


class LogContract:
    """What the log of an engine promises; see ``PubSubContract``."""

    engine_url: ClassVar[str] = ""
    over_processes: ClassVar[bool] = True
    idempotent: ClassVar[bool] = True
    patience: ClassVar[float] = 10.0

    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        """The URL of a log that is empty."""
        assert self.engine_url, "set the class attribute `engine_url` to the URL of your engine"
        return self.engine_url.format(tmp=tmp_path, unique=uuid.uuid4().hex)

    @pytest.fixture
    def opened(self, url: str) -> Iterator[Open]:
        """Opens further engines on the log; they are closed after the test."""
        engines: list[Engine] = []

        def opening(retention: Retention | None = None) -> Engine:
            engines.append(open_engine(url, retention))
            return engines[-1]

        yield opening
        for one in engines:
            one.close()

    @pytest.fixture
    def engine(self, opened: Open) -> Engine:
        """An engine on an empty log."""
        return opened()

    def test_it_is_an_engine(self, engine: Engine) -> None:
        """It has the methods of the protocol and a name."""
        assert isinstance(engine, Engine)
        assert engine.name

    def test_an_empty_log_has_no_bounds(self, engine: Engine) -> None:
        """Nothing was published: no records, bounds of zero."""
        assert (0, 0) == engine.bounds()
        assert [] == list(engine.read(0, 10))

    def test_numbers_begin_at_one_and_have_no_holes(self, engine: Engine) -> None:
        """Records are numbered 1, 2, 3, ... over all topics and batches, in the order of publishing."""
        sent = [outgoing(n, f"topic:{n % 3}") for n in range(20)]
        for batch in (sent[:1], [], sent[1:12], sent[12:]):
            engine.publish(batch)
        assert [Record(n + 1, *one) for n, one in enumerate(sent)] == read_all(engine)
        assert (1, 20) == engine.bounds()

    def test_reading_is_paged(self, engine: Engine) -> None:
        """A read gives at most what was asked for, from behind the place that was asked for."""
        engine.publish([outgoing(n) for n in range(10)])
        assert [4, 5, 6] == [item.seq for item in engine.read(3, 3) if isinstance(item, Record)]
        assert [] == list(engine.read(10, 3))
        assert [] == holes(read_all(engine, 2, 3), 2)

    def test_topics_and_data_of_any_kind_survive(self, engine: Engine) -> None:
        """Whatever characters topics and texts have, they come back as they were."""
        sent = [outgoing(topic, topic, f"asset:{n}") for n, topic in enumerate(AWKWARD)]
        engine.publish(sent)
        found = [item for item in read_all(engine) if isinstance(item, Record)]
        assert [one.topics for one in sent] == [record.topics for record in found]
        assert [one.data for one in sent] == [record.data for record in found]

    def test_large_and_small_records_survive(self, engine: Engine) -> None:
        """Half a megabyte of data, and a record on 50 topics, come back as they were."""
        sent = [outgoing("x" * 500_000), outgoing(None, *(f"topic:{n}" for n in range(50)))]
        engine.publish(sent)
        assert [tuple(one) for one in sent] == [tuple(item)[1:] for item in read_all(engine)]

    def test_a_follower_hears_what_comes(self, engine: Engine) -> None:
        """A follower from now on hears of everything behind its head, in order and in one thread."""
        engine.publish([outgoing("before")])
        gathered = Gathered()
        follower = engine.follow(None, gathered)
        assert 1 == follower.head
        for n in range(30):
            engine.publish([outgoing(n), outgoing(-n)])
        gathered.wait(60, self.patience)
        assert list(range(2, 62)) == gathered.seqs
        assert 1 == len(gathered.threads) or engine.name == "memory"
        assert 61 == follower.head

    def test_a_follower_of_an_empty_log_hears_the_first(self, engine: Engine) -> None:
        """Who follows before anything was published hears of number 1."""
        gathered = Gathered()
        assert 0 == engine.follow(None, gathered).head
        engine.publish([outgoing("first")])
        gathered.wait(1, self.patience)
        assert [1] == gathered.seqs

    def test_a_follower_catches_up_and_goes_on(self, engine: Engine) -> None:
        """Who follows from a place gets what is behind it and what comes, once each and without a hole."""
        engine.publish([outgoing(n) for n in range(700)])
        gathered = Gathered()

        def publish() -> None:
            for n in range(100):
                engine.publish([outgoing(n)])

        publisher = threading.Thread(target=publish)
        publisher.start()
        engine.follow(100, gathered)
        publisher.join()
        gathered.wait(700, self.patience)
        assert list(range(101, 801)) == gathered.seqs

    def test_followers_do_not_mind_each_other(self, engine: Engine) -> None:
        """One that is closed hears nothing more, the others everything."""
        first, second = Gathered(), Gathered()
        follower = engine.follow(None, first)
        engine.follow(None, second)
        engine.publish([outgoing("both")])
        first.wait(1, self.patience)
        follower.close()
        follower.close()
        engine.publish([outgoing("one")])
        second.wait(2, self.patience)
        assert ([1], [1, 2]) == (first.seqs, second.seqs)

    def test_publishers_at_once_share_one_order(self, opened: Open, url: str) -> None:
        """Four publishers at once: every record has its number, each publisher's in its own order."""
        count = 100
        engines = [opened() for _ in range(4)]
        gathered = Gathered()
        engines[0].follow(0, gathered)

        def work(mine: Engine, name: str) -> None:
            for n in range(count):
                publish_patiently(mine, [outgoing([name, n])], self.patience)

        threads = [threading.Thread(target=work, args=(one, str(n))) for n, one in enumerate(engines)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert list(range(1, 4 * count + 1)) == [r.seq for r in gathered.wait(4 * count, 2 * self.patience)]
        self._each_in_order(gathered.records, 4, count)

    def test_processes_share_one_order(self, engine: Engine, url: str) -> None:
        """The same over processes."""
        if not self.over_processes:
            pytest.skip("other processes do not see this log")
        gathered = Gathered()
        engine.follow(0, gathered)
        command = [sys.executable, "-c", _PUBLISH, url]
        running = [subprocess.Popen([*command, str(n), "50"]) for n in range(3)]  # noqa: S603
        assert [0, 0, 0] == [one.wait(60) for one in running]
        assert list(range(1, 151)) == [record.seq for record in gathered.wait(150, self.patience)]
        self._each_in_order(gathered.records, 3, 50)

    @staticmethod
    def _each_in_order(records: list[Record], publishers: int, count: int) -> None:
        found = [Envelope(record.data).event for record in records]
        for one in range(publishers):
            assert list(range(count)) == [n for name, n in found if name == str(one)]

    def test_what_is_published_again_counts_once(self, engine: Engine) -> None:
        """A batch that is offered again after an error, as a whole or with others, gets no second number."""
        if not self.idempotent:
            pytest.skip("this engine cannot tell repetitions")
        sent = [outgoing(n) for n in range(6)]
        engine.publish(sent[:4])
        engine.publish(sent[:4])
        engine.publish([sent[2], sent[4], sent[3], sent[5], sent[5]])
        assert [(n + 1, one.id) for n, one in enumerate(sent)] == [item[:2] for item in read_all(engine)]

    def test_what_retention_took_is_told(self, opened: Open) -> None:
        """Who asks for what is no longer kept gets a gap that ends where the records begin, then those."""
        engine = opened(Retention(records=100))
        for start in range(0, 3000, 50):
            engine.publish([outgoing(start + n) for n in range(50)])
        oldest, newest = engine.bounds()
        assert 3000 == newest
        assert 1 < oldest <= 2901
        found = read_all(engine, 5)
        assert Gap(6, oldest - 1, "retention") == found[0]
        assert [] == holes(found, 5)
        assert 3000 == covered(found)
        gathered = Gathered()
        engine.follow(5, gathered)
        items = gathered.wait_for(3000, self.patience)
        assert [] == holes(items, 5)
        assert isinstance(items[0], Gap)

    def test_a_place_that_the_log_has_not_reached_is_told(self, engine: Engine) -> None:
        """Who was further than the log goes, because it was begun anew, hears of it and gets all there is."""
        engine.publish([outgoing(n) for n in range(5)])
        found = read_all(engine, 4711)
        assert Gap(4712, 0, "engine") == found[0]
        assert [1, 2, 3, 4, 5] == [item.seq for item in found if isinstance(item, Record)]

    def test_it_may_be_closed_twice(self, engine: Engine) -> None:
        """Closing ends the followers, and closing again does nothing."""
        engine.follow(None, Gathered())
        engine.publish([outgoing("one")])
        engine.close()
        engine.close()
