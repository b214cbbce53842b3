"""The databases that are measured: a SQLite file, and a PostgreSQL of one's own that is thrown away."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import count
from pathlib import Path
from random import Random
from time import time_ns
from uuid import UUID

from benchmarks.audits import naive
from flowstone_audit import config, database, frozen, insert, migrating, recorder
from flowstone_audit.canonical import placed
from flowstone_audit.database import Database
from flowstone_audit.details import text_of
from flowstone_audit.entries import BLANK, new_id
from flowstone_audit.row import Row

ids = Random(20250115)  # the same correlation ids in every run
_ordinals = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One database with the audit's tables, and beside it a naive log of the same kind.

    Attributes:
        name: For people.
        url: SQLAlchemy's URL of ours.
        naive: The other side.
    """

    name: str
    url: str
    naive: naive.Naive

    def use(self) -> Database:
        """Have the audit log of this process here, and return its database, open."""
        os.environ["FLOWSTONE_AUDIT_URL"] = self.url
        # One key signs them all here: checkpoints of one beside those of another would mean that one was replaced.
        file = f"checkpoints-{zlib.crc32(self.url.encode()):08x}"
        os.environ["FLOWSTONE_AUDIT_ANCHOR_FILE"] = str(Path(os.environ["FLOWSTONE_HOME"]) / "audit" / file)
        keeper = recorder.current()
        assert keeper.chores.is_open or keeper.chores.wait_open(10), keeper.chores.problem
        return database.of(config.load())


@contextmanager
def places(folder: Path) -> Iterator[tuple[list[Place], list[str]]]:
    """Yield the databases, and why one of them is missing."""
    with ExitStack() as stack:
        url = f"sqlite:///{folder}/audit.db"
        _migrate(url)
        found = [Place(name="SQLite", url=url, naive=naive.Sqlite(f"{folder}/naive.db"))]
        missing: list[str] = []
        server = postgresql(stack)
        if isinstance(server, str):
            missing.append(f"PostgreSQL is not measured: {server}")
        else:
            url = server()
            _migrate(url)
            found.append(Place(name="PostgreSQL", url=url, naive=naive.Postgresql(server())))
        yield found, missing


def postgresql(stack: ExitStack) -> Callable[[], str] | str:
    """Start a server, stopped with *stack*; return what makes databases in it, or why there is none."""
    try:
        import psycopg  # noqa: F401

        from tests.servers import postgres
    except ImportError as error:
        return str(error)
    if postgres.binaries() is None:
        return postgres.MISSING
    # Named, so that the tests' own settings do not hold: what is committed is on the disk.
    return stack.enter_context(postgres.running(fsync="on", max_prepared_transactions="8")).database


def large(place: Place, folder: Path) -> Place:
    """Return a place in *folder*, with the same naive log; its name has the schema's, so that another is another."""
    schema = "".join(frozen.statements(frozen.REVISIONS[0], "sqlite", "up"))
    url = f"sqlite:///{folder}/audit-{sha256(schema.encode()).hexdigest()[:12]}.db"
    _migrate(url)
    return replace(place, url=url)


def _migrate(url: str) -> None:
    made = Database(url)
    migrating.upgrade(made.engine)
    made.close()


def row(number: int, correlation_id: str | None = None) -> Row:
    """Return an entry as `naive.values` has it, with its hash."""
    now = time_ns()
    draft = BLANK._replace(
        id=new_id(now),
        event_type="rule.updated",
        actor_id="ann",
        actor_type="user",
        resource_type="rule",
        resource_id=f"r{number % 500}",
        action="update",
        details=text_of(naive.details(number)),
        correlation_id=correlation_id or str(UUID(int=ids.getrandbits(128))),
        writer="bench/1/00000000",
    )
    return placed(draft, next(_ordinals), now // 1000)


def write(where: Database, rows: Sequence[Row]) -> None:
    """Commit *rows* in one transaction."""
    with where.transaction(30.0) as execute:
        insert.many(execute, list(rows), sqlite=where.is_sqlite)
