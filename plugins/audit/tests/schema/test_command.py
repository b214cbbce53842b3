from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from flowstone_audit import migrating, schema_state
from flowstone_audit.cli.migrate import migrate
from tests.servers.postgres import Server, running


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a database in which nothing is, which FLOWSTONE_AUDIT_URL names."""
    found = f"sqlite:///{tmp_path}/audit.db"
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("postgres")
        found = server.database()
    monkeypatch.setenv("FLOWSTONE_AUDIT_URL", found)
    monkeypatch.setenv("FLOWSTONE_HOME", str(tmp_path))
    return found


def _ran(*words: str, code: int = 0) -> Result:
    result = CliRunner().invoke(migrate, words, catch_exceptions=False)
    assert code == result.exit_code, result.output
    return result


def _document(*words: str, code: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_ran(*words, "--json", code=code).stdout)
    return found


def test_a_check_changes_nothing(url: str, tmp_path: Path) -> None:
    """Without tables the check says so, exits with 1, and makes no file."""
    assert "has no audit tables" in _ran("--check", code=1).stdout
    assert ["missing", None, "0004"] == [
        _document("--check", code=1)[key] for key in ("state", "revision", "head")
    ]
    assert not (tmp_path / "audit.db").exists()


def test_up_and_down(url: str) -> None:
    """The command goes up to head, down to nothing and to any revision, and says from where to where."""
    steps = [_document(), _document(), _document("--revision", "base"), _document("--revision", "0002")]
    assert [(None, "0004"), ("0004", "0004"), ("0004", None), (None, "0002")] == [
        (step["before"], step["revision"]) for step in steps
    ]
    assert ["older", 1] == [_document("--check", code=1)["state"], _ran("--check", code=1).exit_code]
    assert "has revision 0004; had 0002" in _ran().stdout
    assert "all guards stand" in _ran("--check").stdout


def test_a_lost_guard_fails_the_check(url: str) -> None:
    """With a guard missing the check names it and exits with 1."""
    _ran()
    on = "ON flowstone_audit_log" if url.startswith("postgresql") else ""
    with create_engine(url, poolclass=NullPool).connect() as connection, connection.begin():
        connection.exec_driver_sql(f"DROP TRIGGER flowstone_audit_log_update {on}")
    assert "guard flowstone_audit_log_update is absent" in _ran("--check", code=1).stdout
    assert [{"name": "flowstone_audit_log_update", "what": "absent"}] == _document("--check", code=1)[
        "guards"
    ]


def test_the_sql_is_that_of_the_database(url: str) -> None:
    """--sql prints what would run, for the database of the setting or a named one, and changes nothing."""
    dialect = url.partition(":")[0].partition("+")[0]
    assert migrating.offline_sql(dialect) == _ran("--sql").stdout
    assert (
        migrating.offline_sql("postgresql", "0002")
        == _ran("--sql", "--dialect", "postgresql", "--revision", "0002").stdout
    )
    assert migrating.offline_sql(dialect, since="0001") == _document("--sql", "--since", "0001")["sql"]
    assert "missing" == _document("--check", code=1)["state"]


def test_what_cannot_be_is_said(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unknown revisions, contradicting options, and a database that cannot be reached, exit with 2 and a message."""
    assert "there is no revision '0042'" in _ran("--revision", "0042", code=2).stderr
    assert "there is no revision '0042'" in _ran("--sql", "--since", "0042", code=2).stderr
    assert "one of --check, --sql and --grants" in _ran("--check", "--sql", code=2).stderr
    monkeypatch.setenv("FLOWSTONE_AUDIT_URL", "postgresql://ann:secret@127.0.0.1:1/nowhere")
    for option in ("--check", "--json"):
        said = _ran(option, code=2).stderr
        assert "127.0.0.1" in said
        assert "secret" not in said
    monkeypatch.setenv("FLOWSTONE_AUDIT_URL", "off")
    assert "switched off" in _ran(code=2).stderr


def test_entries_are_kept(url: str) -> None:
    """Going down with entries in the log is refused, with the option's name left to the reader of the help."""
    from flowstone_audit import insert
    from plugins.audit.tests.attack.scene import row

    _ran()
    with create_engine(url, poolclass=NullPool).connect() as connection, connection.begin():
        insert.rows(connection, [row()])
    assert "--destroy" in _ran("--revision", "base", code=2).stderr
    assert schema_state.HEAD == _document("--check")["revision"]
    assert _document("--revision", "base", "--destroy")["revision"] is None


def test_retention_is_said_once(url: str) -> None:
    """The least retention can be said when the log is made; said again it is refused, and stands."""
    assert "current" == _document("--retain-days", "400")["state"]
    assert "keeps entries for 400 days" in _ran("--retain-days", "30", code=2).stderr
    assert "give it alone" in _ran("--retain-days", "30", "--revision", "0002", code=2).stderr
    with create_engine(url, poolclass=NullPool).connect() as connection:
        asked = "SELECT through_seq, retain_days, archive_digest FROM flowstone_audit_floor"
        assert [(0, 400, None)] == [tuple(each) for each in connection.exec_driver_sql(asked)]


def test_roles_that_may_not_be_made_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An owner who may not make roles is told, and the rights are given once the roles are there."""
    roles = [f"flowstone_audit_{name}" for name in ("writer", "reader", "eraser")]
    asked = "SELECT has_table_privilege('flowstone_audit_reader', 'flowstone_audit_log', 'SELECT')"
    with running() as server:  # one of its own: roles belong to all databases of a server
        server.sql("CREATE ROLE modest LOGIN")
        url = server.database("modest")
        monkeypatch.setenv("FLOWSTONE_HOME", str(tmp_path))
        monkeypatch.setenv("FLOWSTONE_AUDIT_URL", url)
        said = _ran().stderr
        assert all(f"may not make the role {role}" in said for role in roles)
        for role in roles:
            server.sql(f"CREATE ROLE {role}")
        assert "" == _ran("--grants").stderr
        assert "t" == server.sql(asked, url.rpartition("/")[2])
