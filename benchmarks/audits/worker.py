"""A process that writes, or seals, when it is told: ``work SECONDS`` on its standard input, how much on the other."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from time import monotonic, sleep

from sqlalchemy.exc import OperationalError

from benchmarks.audits.places import row
from flowstone_audit import config, insert, sealing
from flowstone_audit.database import Database, of
from flowstone_audit.errors import Unavailable


def main(what: str) -> None:
    """Obey until standard input ends."""
    where = of(config.load())
    work = {"write": _write, "seal": _seal}[what]
    print(os.getpid(), flush=True)
    for line in sys.stdin:
        print(work(where, float(line)), flush=True)


def _write(where: Database, seconds: float) -> int:
    """Commit row for row; return how many."""
    made, until = 0, monotonic() + seconds
    while monotonic() < until:
        try:
            with where.transaction(5.0, single=True) as execute:
                insert.numbered(execute, [row(made)], sqlite=where.is_sqlite)
        except Unavailable:  # SQLite was busy for a whole second
            continue
        made += 1
    return made


def _seal(where: Database, seconds: float) -> int:
    """Seal as the chores do, once per interval; 0 seconds: once, and all."""
    sealed, until = 0, monotonic() + seconds
    while True:
        with suppress(OperationalError), where.connect() as connection:  # SQLite was busy for a while
            sealed += sealing.seal_all(connection, timeout=1.0 if seconds else 30.0)
        if monotonic() + config.load().seal_interval >= until:
            return sealed
        sleep(config.load().seal_interval)


if __name__ == "__main__":
    main(sys.argv[1])
