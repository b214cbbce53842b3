from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from flowstone_pubsub.doorbell import FOLDER, Bell, Ringer
from flowstone_pubsub.engines.base import Retention
from flowstone_pubsub.engines.opening import open_engine
from flowstone_pubsub.testing.reading import Gathered, outgoing


def test_the_newest_record_outlives_its_age(tmp_path: Path) -> None:
    """Retention by age leaves the newest record, so that the next one gets a number that was never given."""
    url = f"sqlite:///{tmp_path / 'events.db'}"
    engine = open_engine(url, Retention(records=8, age=0.001))
    for n in range(30):
        engine.publish([outgoing(n)])
        time.sleep(0.002)
    assert (30, 30) == engine.bounds()
    engine.close()
    again = open_engine(url)
    again.publish([outgoing("next")])
    assert (30, 31) == again.bounds()
    again.close()


def test_a_follower_hears_of_records_that_come_quickly(tmp_path: Path) -> None:
    """Who is woken again and again looks less often, and still hears of each record, of the last one at once."""
    engine = open_engine(f"sqlite:///{tmp_path / 'events.db'}")
    gathered = Gathered()
    engine.follow(None, gathered)
    for n in range(500):
        engine.publish([outgoing(n)])
    gathered.wait(500, 10)
    assert list(range(1, 501)) == gathered.seqs
    engine.close()


def test_a_bell_that_comes_later_is_rung(tmp_path: Path) -> None:
    """The ringer sees who came and who went; what a dead process left behind is taken away."""
    file = tmp_path / "events.db"
    ringer = Ringer(file)
    ringer.ring()
    bell = Bell(file)
    time.sleep(0.01)
    ringer.ring()
    assert _rings(bell)
    left = next((tmp_path / FOLDER).iterdir())
    kept = left.with_name(f"{left.name}-kept")
    os.link(left, kept)  # as if it had died before it could tidy up
    bell.close()
    time.sleep(0.01)
    ringer.ring()
    assert [] == list((tmp_path / FOLDER).iterdir())
    ringer.close()


def test_the_bells_of_the_dead_are_taken_away(tmp_path: Path) -> None:
    """A bell that was rung before and nobody holds any more is removed when it is rung again."""
    file = tmp_path / "events.db"
    bell, ringer = Bell(file), Ringer(file)
    ringer.ring()
    assert _rings(bell)
    bell._socket.close()
    ringer.ring()
    assert [] == list((tmp_path / FOLDER).iterdir())
    ringer.close()


def test_two_threads_may_ring_at_once(tmp_path: Path) -> None:
    """Publishers on one engine find the bells of the dead at the same moment, and none of them minds."""
    file = tmp_path / "events.db"
    ringer = Ringer(file)
    (tmp_path / FOLDER).mkdir()
    failed: list[str] = []
    stop = threading.Event()

    def ring() -> None:
        while not stop.is_set():
            try:
                ringer.ring()
            except KeyError as error:
                failed.append(repr(error))

    threads = [threading.Thread(target=ring) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(100):
        bells = [Bell(file) for _ in range(5)]
        time.sleep(0.003)
        for bell in bells:
            bell._socket.close()  # it dies without taking its bell away
            os.close(bell._waking)
            os.close(bell._wake)
    stop.set()
    for thread in threads:
        thread.join()
    assert [] == failed
    ringer.close()


def _rings(bell: Bell) -> bool:
    """Tell whether the bell rings now, rather than after some seconds."""
    began = time.monotonic()
    bell.wait(5)
    return time.monotonic() - began < 2
