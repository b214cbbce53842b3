from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, make_url
from sqlalchemy.pool import NullPool

from flowstone_audit import migrating
from tests.servers.postgres import Server, running


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server of this test session."""
    with running() as server:
        yield server


@pytest.fixture(scope="session")
def _template(postgres: Server) -> str:
    """A database with the audit tables, to be copied."""
    url = postgres.database(kept=True)
    engine = create_engine(url, poolclass=NullPool)
    migrating.upgrade(engine)
    engine.dispose()
    return str(make_url(url).database)


@pytest.fixture(params=["sqlite", "postgresql"])
def audit_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database with the audit tables, one of each kind."""
    if request.param == "postgresql":
        template: str = request.getfixturevalue("_template")
        server: Server = request.getfixturevalue("postgres")
        return server.database(template=template)
    url = f"sqlite:///{tmp_path}/audit.db"
    engine = create_engine(url, poolclass=NullPool)
    migrating.upgrade(engine)
    engine.dispose()
    return url


@pytest.fixture
def audit_engine(audit_url: str) -> Iterator[Engine]:
    """An engine, without a pool, on a database with the audit tables."""
    engine = create_engine(audit_url, poolclass=NullPool)
    yield engine
    engine.dispose()
