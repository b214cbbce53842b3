"""The roles of PostgreSQL, as the documentation has them made."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import flowstone_audit
from flowstone_audit import database, flushing, recorder
from flowstone_audit.cli import group
from tests.servers.postgres import Server, running

PAGE = Path(__file__).parents[4] / "docs" / "explanation" / "audit-threats.md"
STATEMENT = re.compile(r"^    (CREATE (?:ROLE|DATABASE) [^;]*;)", re.MULTILINE)


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server that has never seen an audit log: roles belong to all of its databases."""
    monkeypatch.setenv("FLOWSTONE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FLOWSTONE_DISABLED_PLUGINS", "console,dagster,health,pubsub")
    recorder.replace(None)
    with running() as server:
        yield server
        _leave()


def _leave() -> None:
    flushing.shutdown(2.0)
    recorder.replace(None)
    database.close_all()


def _run(url: str, *words: str) -> Result:
    _leave()
    ended = CliRunner(env={"FLOWSTONE_AUDIT_URL": url}).invoke(
        group.audit, list(words), catch_exceptions=False
    )
    _leave()
    return ended


def test_the_recipe_can_be_followed(bare: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Line by line, by a superuser and then the owner; each user may do what it is for, and no more."""
    for statement in STATEMENT.findall(PAGE.read_text("utf-8")):
        bare.sql(statement)
    urls = {user: bare.url("audit", user) for user in ("audit_owner", "pipeline", "auditor", "privacy")}
    made = _run(urls["audit_owner"], "migrate")
    assert (0, "") == (made.exit_code, made.stderr)
    monkeypatch.setenv("FLOWSTONE_AUDIT_URL", urls["pipeline"])
    id = flowstone_audit.log("a.b", actor_id="ann", actor_type="user", client_ip="10.0.0.1").id
    erasing = ("erase", "--entry", id, "--request", "T-1", "--by", "dpo", "--yes")
    assert [0, 2, 2, 0] == [
        _run(urls[user], *words).exit_code
        for user, words in (
            ("auditor", ("log",)),
            ("auditor", erasing),
            ("pipeline", erasing),
            ("privacy", erasing),
        )
    ]
    assert json.loads(_run(urls["auditor"], "show", id, "--json").stdout)["erased"]


def test_who_may_make_no_roles_is_told_the_statements(bare: Server) -> None:
    """They work as they are printed, and so does the command that gives the rights."""
    bare.sql("CREATE ROLE plain LOGIN")
    bare.sql("CREATE DATABASE audit OWNER plain")
    told = _run(bare.url("audit", "plain"), "migrate").stderr
    statements = re.findall(r"CREATE ROLE \w+ NOLOGIN;", told)
    assert 3 == len(statements)
    for statement in statements:
        bare.sql(statement)
    given = _run(bare.url("audit", "plain"), "migrate", "--grants")
    assert (0, "") == (given.exit_code, given.stderr)
    bare.sql("CREATE ROLE pipeline LOGIN IN ROLE flowstone_audit_writer")
    assert "0" == bare.sql("SELECT count(*) FROM flowstone_audit_log", "audit", "pipeline")
