from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import create_engine, make_url
from sqlalchemy.pool import NullPool

from flowstone_audit import engines, migrating
from plugins.audit.tests.verify.story import Story, begun
from tests.servers.postgres import Server

_KEY = Ed25519PrivateKey.generate()
BATCHES = (12, 1, 7, 12)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own, with the key that signs in all of them."""
    folder = tmp_path / "home"
    (folder / "audit").mkdir(parents=True, mode=0o700)
    (folder / "audit" / "key.pem").write_bytes(
        _KEY.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    monkeypatch.setenv("FLOWSTONE_HOME", str(folder))
    return folder


@pytest.fixture
def lived(told: Story, monkeypatch: pytest.MonkeyPatch) -> Story:
    """The log of `told` as that of this home."""
    monkeypatch.setenv("FLOWSTONE_AUDIT_URL", told.url)
    return told


@pytest.fixture
def story(audit_url: str) -> Iterator[Story]:
    """An empty log, in a database of each kind."""
    made = begun(audit_url, _KEY)
    yield made
    made.engine.dispose()


@pytest.fixture(scope="session")
def _told_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Story:
    path = tmp_path_factory.mktemp("told") / "audit.db"
    return _told(f"sqlite:///{path}")


@pytest.fixture(scope="session")
def _told_postgresql(postgres: Server) -> Story:
    return _told(postgres.database(kept=True))


def _told(url: str) -> Story:
    engine = create_engine(url, poolclass=NullPool)
    migrating.upgrade(engine)
    engine.dispose()
    made = begun(url, _KEY)
    made.fill(*BATCHES)
    made.engine.dispose()
    return made


@pytest.fixture(params=["sqlite", "postgresql"])
def told(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Story]:
    """A log of 32 sealed entries, a third of them with private columns, in four batches; a copy for each test."""
    original: Story = request.getfixturevalue(f"_told_{request.param}")
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/audit.db"
        shutil.copy(str(original.engine.url.database), tmp_path / "audit.db")
    else:
        server: Server = request.getfixturevalue("postgres")
        url = server.database(template=str(make_url(original.url).database))
    made = replace(original, url=url, engine=engines.make(url), notes=list(original.notes))
    yield made
    made.engine.dispose()
