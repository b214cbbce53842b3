"""Eight processes that write, with a sealer beside them and without; and how old an entry is when it is sealed."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import IO

from sqlalchemy import select

from benchmarks.audits.places import Place, row, write
from benchmarks.rows import Row, ratio, value
from flowstone_audit import recorder
from flowstone_audit.database import Database
from flowstone_audit.tables import log, seal

WRITERS = 8
RATE = 5000
_BATCH = 50


class Worker:
    """A process of its own.

    Args:
        what: ``write`` or ``seal``.
        place: Where.
    """

    def __init__(self, what: str, place: Place) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.audits.worker", what],
            env={**os.environ, "FLOWSTONE_AUDIT_URL": place.url},
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.answer()

    def tell(self, seconds: float) -> None:
        """Let it work."""
        stream = _of(self._process.stdin)
        stream.write(f"{seconds}\n")
        stream.flush()

    def answer(self) -> int:
        """Return how much it did."""
        return int(_of(self._process.stdout).readline())

    def end(self) -> None:
        """Let it end."""
        _of(self._process.stdin).close()
        self._process.wait(30)
        _of(self._process.stdout).close()


def _of(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


def with_sealer(place: Place, quick: bool) -> Row:
    """Measure what a sealer leaves to the writers."""
    rounds, seconds = (3, 0.5) if quick else (15, 2.0)
    took: dict[str, list[float]] = {"with": [], "without": []}
    with _workers(place) as (writers, sealer):
        for number in range(rounds):
            for kind in ("with", "without") if number % 2 else ("without", "with"):
                sealer.tell(0)
                sealer.answer()  # what the round before left
                for one in writers:
                    one.tell(seconds)
                if kind == "with":
                    sealer.tell(seconds)
                made = sum(one.answer() for one in writers)
                if kind == "with":
                    sealer.answer()
                took[kind].append(seconds / made * 1e6)
    return ratio(
        f"{place.name}: {WRITERS} processes with sealer, without",
        took["with"],
        took["without"],
        must=0.9,
        sense="least",
    )


@contextmanager
def _workers(place: Place) -> Iterator[tuple[list[Worker], Worker]]:
    recorder.current().close()  # the chores of this process would seal as well
    recorder.replace(None)
    started: list[Worker] = []
    try:
        for what in (*["write"] * WRITERS, "seal"):
            started.append(Worker(what, place))  # noqa: PERF401 - each that was started is ended
        yield started[:-1], started[-1]
    finally:
        for one in started:
            one.end()


def seal_lag(place: Place, quick: bool) -> Row:
    """Measure how old entries are when they are sealed, by the chores beside their writer."""
    where = place.use()
    first = _last(where) + 1
    seconds = 2.0 if quick else 10.0
    made, began = 0, monotonic()
    while made < seconds * RATE:
        write(where, [row(made + at) for at in range(_BATCH)])
        made += _BATCH
        recorder.current().chores.committed()
        sleep(max(0.0, began + made / RATE - monotonic()))
    rate = made / (monotonic() - began)
    lags = sorted(_lags(where, first, made))
    return value(
        f"{place.name}: seal lag at {RATE} rows/s, p99",
        "s",
        [lags[int(len(lags) * 0.99)]],
        must=2,
        detail=f"p50 {lags[len(lags) // 2]:.2f} s, {rate:.0f} rows/s reached",
    )


def _last(where: Database) -> int:
    with where.connect() as connection:
        return connection.execute(select(log.c.seq).order_by(log.c.seq.desc()).limit(1)).scalar() or 0


def _lags(where: Database, first: int, made: int) -> list[float]:
    """Return the seconds from insertion to seal of *made* entries from *first* on, waiting until all have one."""
    deadline = monotonic() + 30
    while True:
        with where.connect() as connection:
            found = connection.execute(select(log.c.seq, log.c.inserted_at).where(log.c.seq >= first))
            moments = {seq: at for seq, at in found}  # noqa: C416 - dict() takes a result for a mapping
            seals = connection.execute(
                select(seal.c.seqs, seal.c.sealed_at).where(seal.c.high >= first)
            ).all()
        lags = [
            (at - moments[seq]).total_seconds()
            for seqs, at in seals
            for (seq,) in struct.iter_unpack(">Q", seqs)
            if seq in moments
        ]
        if len(lags) >= made:
            return lags
        assert monotonic() < deadline, f"{len(lags)} of {made} entries were sealed"
        sleep(0.2)
