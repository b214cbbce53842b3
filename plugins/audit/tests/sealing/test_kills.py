from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Iterator
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Literal, NamedTuple

import pytest
from sqlalchemy import Engine

from flowstone_audit import file_anchor, sealing
from plugins.audit.tests.sealing import hammer
from plugins.audit.tests.sealing.rows import all_sealed, truth

Kind = Literal["writer", "sealer"]
LIMIT_S = 600.0
CONTEXT = multiprocessing.get_context("forkserver")


class Ship(NamedTuple):
    """One process; *mark* is a file that is there when it is at work."""

    kind: Kind
    process: ForkServerProcess
    mark: Path


class Fleet:
    """Writers and sealers, each replaced when it is killed."""

    def __init__(self, url: str, folder: Path, writers: int, sealers: int, seed: int) -> None:
        self.url, self.folder = url, folder
        self.chance = random.Random(seed)
        self.marks: list[Path] = []
        self.ships = [self._launched("writer") for _ in range(writers)]
        self.ships += [self._launched("sealer") for _ in range(sealers)]

    def _launched(self, kind: Kind) -> Ship:
        seed, until = self.chance.getrandbits(32), time.monotonic() + LIMIT_S
        mark = self.folder / f"{kind}.{len(self.marks)}"
        self.marks.append(mark)
        if kind == "sealer":
            made = CONTEXT.Process(target=hammer.seal, args=(self.url, self.folder, mark, seed, until))
        else:
            made = CONTEXT.Process(target=hammer.write, args=(self.url, mark, seed, until))
        made.start()
        return Ship(kind, made, mark)

    def wait(self) -> None:
        """Wait until all are at work."""
        deadline = time.monotonic() + 60
        while not all(ship.mark.exists() for ship in self.ships):
            assert time.monotonic() < deadline, "not all got to work"
            time.sleep(0.01)

    def kill(self, kinds: set[Kind]) -> None:
        """Kill one of *kinds* that is at work, at this instant; another takes its place."""
        at = self.chance.choice([n for n, ship in enumerate(self.ships) if ship.kind in kinds])
        ship = self.ships[at]
        assert ship.process.exitcode is None, f"a {ship.kind} ended by itself"
        while not ship.mark.exists():
            time.sleep(0.002)
        time.sleep(self.chance.random() * 0.2)
        self._end(ship)
        self.ships[at] = self._launched(ship.kind)

    def stop(self) -> None:
        """Kill them all."""
        for ship in self.ships:
            self._end(ship)

    def pids(self) -> set[int]:
        """Return who is alive."""
        return {ship.process.pid or 0 for ship in self.ships}

    @staticmethod
    def _end(ship: Ship) -> None:
        ship.process.kill()
        ship.process.join()
        ship.process.close()


@pytest.fixture(scope="module", autouse=True)
def _nursery() -> Iterator[None]:
    """Have children with all modules in them from the beginning: else they are killed while they import."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[4]))
        CONTEXT.set_forkserver_preload(["plugins.audit.tests.sealing.hammer"])
        first = CONTEXT.Process(target=time.monotonic)
        first.start()
        first.join()
        yield


def hammered(engine: Engine, folder: Path, *, kills: int, writers: int, kinds: set[Kind], seed: int) -> None:
    """Kill so many processes at random instants, then hold the log to what was acknowledged."""
    folder.mkdir()
    url = engine.url.render_as_string(hide_password=False)
    fleet = Fleet(url, folder, writers, 2, seed)
    signer = hammer.signer_of(engine, folder)
    try:
        fleet.wait()
        for turn in range(kills):
            fleet.kill(kinds)
            if turn % 5 == 4:
                hammer.end_prepared(engine, fleet.pids())
        truth(engine, [signer.verifier])
    finally:
        fleet.stop()
    hammer.end_prepared(engine, set())
    _sealed_to_the_end(engine, folder)
    found = all_sealed(engine, [signer.verifier])
    told = {id for mark in fleet.marks if mark.exists() for id in hammer.acknowledged(mark)}
    assert len(told) > 10 * kills, "hardly anybody wrote"
    assert len(found.notes) > kills // 10, "hardly anybody sealed"
    assert set() == told - set(found.ids), "acknowledged, and lost"
    published = file_anchor.read(folder / "audit" / "checkpoints")
    assert found.notes[-1] == published[-1]
    assert set(published) <= set(found.notes)


def _sealed_to_the_end(engine: Engine, folder: Path) -> None:
    """Seal what is left; a killed sealer's session may end a little after it."""
    signer = hammer.signer_of(engine, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLOWSTONE_HOME", str(folder))
        patch.setenv("FLOWSTONE_AUDIT_URL", "off")
        sealing.seal_all(engine, signer, timeout=30.0)


def test_sealers_may_be_killed_at_any_instant(engine: Engine, tmp_path: Path) -> None:
    """Three writers, two racing sealers, six kills: all that is committed is sealed once, and all proofs hold."""
    hammered(engine, tmp_path / "fleet", kills=6, writers=3, kinds={"sealer"}, seed=4)


@pytest.mark.matrix
@pytest.mark.parametrize("seed", [1])
def test_two_hundred_kills(engine: Engine, tmp_path: Path, seed: int) -> None:
    """Eight writers, two racing sealers, two hundred kills of either: none lost, doubled, or never sealed."""
    hammered(engine, tmp_path / "fleet", kills=200, writers=8, kinds={"writer", "sealer"}, seed=seed)
