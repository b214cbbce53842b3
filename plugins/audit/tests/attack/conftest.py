from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, make_url
from sqlalchemy.pool import NullPool

from flowstone_audit import migrating
from plugins.audit.tests.attack.scene import furnish
from tests.servers.postgres import Server


@pytest.fixture(scope="session")
def shared_lite(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """A SQLite log with three entries, a seal, an erasure and a floor, for tests after which nothing has changed."""
    engine = create_engine(f"sqlite:///{tmp_path_factory.mktemp('attack')}/audit.db", poolclass=NullPool)
    migrating.upgrade(engine)
    furnish(engine)
    return engine


@pytest.fixture
def lite(shared_lite: Engine, tmp_path: Path) -> Engine:
    """The same for one test."""
    shutil.copy(str(shared_lite.url.database), tmp_path / "audit.db")
    return create_engine(f"sqlite:///{tmp_path}/audit.db", poolclass=NullPool)


@pytest.fixture(scope="session")
def _furnished(postgres: Server) -> str:
    """The same in PostgreSQL, owned by one who is no superuser; to be copied."""
    migrating.upgrade(
        create_engine(postgres.database(kept=True), poolclass=NullPool)
    )  # a superuser makes the group roles
    postgres.sql(
        "CREATE ROLE audit_owner LOGIN;"
        "CREATE ROLE audit_writer LOGIN IN ROLE flowstone_audit_writer;"
        "CREATE ROLE audit_reader LOGIN IN ROLE flowstone_audit_reader;"
        "CREATE ROLE audit_eraser LOGIN IN ROLE flowstone_audit_eraser"
    )
    url = postgres.database("audit_owner", kept=True)
    engine = create_engine(url, poolclass=NullPool)
    migrating.upgrade(engine)
    furnish(engine)
    return str(make_url(url).database)


class Cluster:
    """A PostgreSQL database of one test, entered under any name."""

    def __init__(self, server: Server, template: str, *, kept: bool = False) -> None:
        self.server = server
        self.name = str(make_url(server.database("audit_owner", template, kept=kept)).database)
        self._engines: dict[str, Engine] = {}

    def engine(self, user: str) -> Engine:
        """Return an engine of *user*: audit_owner, audit_writer, audit_reader, audit_eraser or owner."""
        if user not in self._engines:
            self._engines[user] = create_engine(self.server.url(self.name, user))
        return self._engines[user]

    def close(self) -> None:
        """Close all connections."""
        for engine in self._engines.values():
            engine.dispose()


@pytest.fixture
def cluster(postgres: Server, _furnished: str) -> Iterator[Cluster]:
    """A PostgreSQL log with three entries, a seal, an erasure and a floor, for one test."""
    made = Cluster(postgres, _furnished)
    yield made
    made.close()


@pytest.fixture(scope="session")
def shared(postgres: Server, _furnished: str) -> Iterator[Cluster]:
    """The same for tests after which nothing has changed."""
    made = Cluster(postgres, _furnished, kept=True)
    yield made
    made.close()
