"""Verifying against reading, and what queries take in a large log."""

from __future__ import annotations

import gc
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter_ns
from typing import Any

from sqlalchemy import func, select

from benchmarks.audits.filling import fill
from benchmarks.audits.places import Place
from benchmarks.pace import REFERENCE_US, pace
from benchmarks.rows import Row, ratio, value
from flowstone_audit import queries, sealing
from flowstone_audit.database import Database
from flowstone_audit.tables import log
from flowstone_audit.verifying import asking
from flowstone_audit.verifying.asking import Question

_CHUNK = 5000
_ROUNDS = {"SQLite": 15, "PostgreSQL": 7}
"""Rounds differ by a third on a machine that others use, too, and in SQLite take a third of the time."""
_MUST_MS = {"SQLite": 0.15, "PostgreSQL": 0.4}


def verifying(place: Place, quick: bool) -> list[Row]:
    """Measure a whole verification, on one process and on two, against reading the rows."""
    where = place.use()
    fill(where, 20_000 if quick else 500_000)
    with where.connect() as connection:
        sealing.seal_all(connection, timeout=30)
    took: dict[str, list[float]] = {"read": [], "one": [], "two": []}
    gains = []
    for _ in range(3 if quick else _ROUNDS[place.name]):
        gc.collect()
        took["read"].append(_timed(lambda: _read(place.name, place.url)))
        took["one"].append(_timed(lambda: _verify(1)))
        took["two"].append(_timed(lambda: _verify(2)))
        gains.append(2 * took["one"][-1] / _verify_twice())
    # Of so few, what verifying begins with takes as long as the rows: guards, keys, anchors, a process.
    one, two = (None, None) if quick else (0.55, round(1.6 * min(1.0, median(gains) / 2), 2))
    return [
        ratio(
            f"{place.name}: verify, speed of a raw read", took["one"], took["read"], must=one, sense="least"
        ),
        ratio(f"{place.name}: verify on two processes", took["two"], took["one"], must=two, sense="least"),
        value(f"{place.name}: two verifications at once, of one", "x", gains),
    ]


def _verify(jobs: int) -> None:
    report = asking.answer(Question(jobs=jobs))
    assert not report.alarms, report.alarms


def _read(name: str, url: str) -> int:
    """Read every column of every row, by the driver."""
    if name == "SQLite":
        connection: Any = sqlite3.connect(url.removeprefix("sqlite:///"))
    else:
        import psycopg

        connection = psycopg.connect(url.replace("+psycopg", ""))
    try:
        cursor = connection.cursor() if name == "SQLite" else connection.cursor("all")
        cursor.execute("SELECT * FROM flowstone_audit_log ORDER BY seq")
        read = 0
        while found := cursor.fetchmany(_CHUNK):
            read += len(found)
        return read
    finally:
        connection.close()


def _verify_twice() -> float:
    """Verify all of it in two processes at once, each on its own: what a second processor gives; return the longer time."""
    command = [sys.executable, "-m", "benchmarks.audits.reading"]
    both = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    for one in both:
        assert one.stdout is not None
        one.stdout.readline()  # it has its imports
    for one in both:
        assert one.stdin is not None
        one.stdin.write("\n")
        one.stdin.flush()
    return max(float(one.communicate()[0]) for one in both)


def asked(place: Place, *, depth: int, entries: int) -> list[Row]:
    """Measure queries in a log of *entries*; 0: in what is there, where only the pages have a bound.

    Args:
        place: Where.
        depth: Entries before the deep page.
        entries: How many there are.
    """
    where = place.use()
    _analyze(where)
    known = _known(where, 400)
    _each(lambda number: queries.entries(correlation_id=known[number]), 100)  # warm
    looked, paces = [], []
    for _ in range(7):
        paces.append(pace())
        looked.append(median(_each(lambda number: queries.entries(correlation_id=known[number]), 400)))
    pages: dict[str, list[float]] = {"first": [], "deep": []}
    for _ in range(7):
        pages["first"].append(median(_each(lambda number: queries.entries(after=number), 50)))
        pages["deep"].append(median(_each(lambda number: queries.entries(after=depth + number), 50)))
    return [
        value(
            f"{place.name}: by correlation id{_of(entries)}, p50",
            "ms",
            [one / 1000 for one in looked],
            must=round(_MUST_MS[place.name] * median(paces), 3) if entries else None,
            detail=f"{_MUST_MS[place.name]} ms where a bare span takes {REFERENCE_US} us" if entries else "",
        ),
        ratio(f"{place.name}: page at depth {depth:,} / first", pages["deep"], pages["first"], must=2),
    ]


def _of(entries: int) -> str:
    return f" of {entries:,}" if entries else ""


def _known(where: Database, number: int) -> list[str]:
    with where.connect() as connection:
        last = connection.execute(select(func.max(log.c.seq))).scalar_one()
        seqs = [1 + at * (last - 1) // number for at in range(number)]
        found = connection.execute(select(log.c.correlation_id).where(log.c.seq.in_(seqs))).scalars()
        return [one for one in found if one is not None]


def _analyze(where: Database) -> None:
    if not where.is_sqlite:
        with where.connect() as connection:
            connection.exec_driver_sql("ANALYZE flowstone_audit_log")
            connection.commit()


def _each(call: Callable[[int], object], calls: int) -> list[float]:
    took = []
    for number in range(calls):
        began = perf_counter_ns()
        call(number)
        took.append((perf_counter_ns() - began) / 1000)
    return took


def _timed(call: Callable[[], object]) -> float:
    began = perf_counter_ns()
    call()
    return (perf_counter_ns() - began) / 1000


def cached(folder: Path) -> Path:
    """Return where the large log of this user is kept from one run to the next."""
    folder = folder / f"flowstone-bench-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


if __name__ == "__main__":
    print("ready", flush=True)
    sys.stdin.readline()
    print(_timed(lambda: _verify(1)))
