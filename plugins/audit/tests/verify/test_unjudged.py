"""What is no change of the log is not called one, and what cannot be judged ends with 2."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

import flowstone_audit
from flowstone_audit import migrating
from flowstone_audit.cli.group import audit
from flowstone_audit.errors import Unavailable
from flowstone_audit.verifying import sqlite
from plugins.audit.tests.verify.story import Story
from tests.servers.postgres import Server


def run(*arguments: Any) -> Result:
    return CliRunner().invoke(audit, [str(one) for one in arguments], catch_exceptions=False)


def test_a_log_of_a_later_version(lived: Story) -> None:
    """Where nothing but the guards differs, an older flowstone says that it cannot judge them."""
    with lived.engine.begin() as connection:
        connection.execute(text("UPDATE flowstone_audit_version SET version_num = '9999'"))
    done = run("verify")
    assert (2, True) == (
        done.exit_code,
        "install a later flowstone-audit; its entries and seals hold" in done.stderr,
    )
    with lived.attacking() as connection:
        connection.execute(text("UPDATE flowstone_audit_log SET actor_id = 'eve' WHERE seq = 5"))
        connection.commit()
    assert 1 == run("verify").exit_code


@pytest.mark.parametrize("version", ["0001", "0002", "0003"])
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_log_of_an_earlier_version(
    kind: str, version: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has to be migrated, and is not tampered with."""
    url = f"sqlite:///{tmp_path}/a.db" if kind == "sqlite" else request.getfixturevalue("postgres").database()
    engine = create_engine(url, poolclass=NullPool)
    migrating.upgrade(engine, version)
    engine.dispose()
    monkeypatch.setenv("FLOWSTONE_AUDIT_URL", url)
    done = run("verify")
    assert (2, True) == (done.exit_code, f"of version {version}, not" in done.stderr), done.output
    assert "run: flowstone audit migrate" in done.stderr


def test_a_locked_file(lived: Story) -> None:
    """Somebody who holds the whole file has not changed it."""
    if not lived.is_sqlite:
        pytest.skip("PostgreSQL has no lock that keeps readers out")
    lived.engine.dispose()
    other = sqlite3.connect(lived.target.path, isolation_level=None)
    try:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN IMMEDIATE")
        other.execute("UPDATE flowstone_audit_version SET version_num = version_num")
        other.execute("COMMIT")
        with pytest.raises(Unavailable, match="is locked by somebody else"):
            sqlite.read_only(lived.target.path)
    finally:
        other.close()
    assert 3 == run("verify").exit_code


@pytest.mark.parametrize("beside", ["-wal", "-journal"])
def test_a_file_whose_log_cannot_be_read(lived: Story, beside: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not read without it: what is in the log would be missing, or what was rolled back be there."""
    if not lived.is_sqlite:
        pytest.skip("SQLite's files")
    opened = sqlite._opened

    def refused(uri: str) -> sqlite3.Connection:
        if "immutable" in uri:
            return opened(uri)
        return sqlite3.connect("file:/nowhere/at/all?mode=ro", uri=True)

    monkeypatch.setattr(sqlite, "_opened", refused)
    sqlite.read_only(lived.target.path).close()
    Path(f"{lived.target.path}{beside}").write_bytes(b"something")
    with pytest.raises(Unavailable, match=f"with {Path(lived.target.path).name}{beside} beside it"):
        sqlite.read_only(lived.target.path)


def test_a_schema_that_the_url_names(postgres: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Entries, seals and guards are looked for in the same one."""
    url = postgres.database()
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA audit"))
    engine.dispose()
    url = f"{url}{'&' if '?' in url else '?'}options=-csearch_path%3Daudit"
    engine = create_engine(url, poolclass=NullPool)
    migrating.upgrade(engine)
    engine.dispose()
    monkeypatch.setenv("FLOWSTONE_AUDIT_URL", url)
    flowstone_audit.log("rule.updated", actor_id="ann", actor_type="user")
    assert 0 == run("seal").exit_code
    done = run("verify")
    assert 3 == done.exit_code, done.output


def test_evidence_where_no_key_is(lived: Story, home: Path, tmp_path: Path) -> None:
    """It fits itself, which proves nothing; none can be made there."""
    path = tmp_path / "e.zip"
    assert 0 == run("evidence", "-o", path).exit_code
    (home / "audit" / "key.pem").unlink()
    done = run("verify", "--archive", path)
    assert (3, True) == (done.exit_code, "no key to hold signatures against" in done.output), done.output
    done = run("evidence", "-o", tmp_path / "other.zip")
    assert (2, True) == (done.exit_code, "no key of the log is known here" in done.stderr)
