from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import NullPool

from flowstone_audit import engines, signing
from flowstone_audit.keys import Signer
from tests.servers.postgres import Server


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own."""
    folder = tmp_path / "home"
    monkeypatch.setenv("FLOWSTONE_HOME", str(folder))
    return folder


@pytest.fixture
def engine(audit_url: str) -> Iterator[Engine]:
    """An engine as the audit log makes it, on a database of each kind."""
    made = engines.make(audit_url)
    yield made
    made.dispose()


@pytest.fixture
def postgresql(postgres: Server, _template: str) -> Iterator[Engine]:
    """An engine on PostgreSQL; not ours, as a DBA's would be."""
    made = create_engine(postgres.database(template=_template), poolclass=NullPool)
    yield made
    made.dispose()


@pytest.fixture
def signer(request: pytest.FixtureRequest) -> Signer:
    """The signer of the test's database."""
    name = "postgresql" if "postgresql" in request.fixturenames else "engine"
    engine: Engine = request.getfixturevalue(name)
    with engine.begin() as connection:
        return signing.signer_of(connection)
