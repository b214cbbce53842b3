"""How the commands end where something is wrong: with a message and 2, and never with 1 by mistake."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import make_url

import flowstone_audit
from flowstone_audit import database, engines, flushing, migrating, permission, recorder
from flowstone_audit.cli import group
from flowstone_audit.errors import NotPermitted
from flowstone_audit.verifying import asking
from tests.servers.postgres import Server

WHO: dict[str, Any] = {"actor_id": "ann", "actor_type": "user"}


def run(*words: str) -> Result:
    ended = CliRunner().invoke(group.audit, list(words), catch_exceptions=False)
    assert "Traceback" not in ended.output
    return ended


def piped(words: str, output: str) -> subprocess.CompletedProcess[str]:
    """Run a command whose output goes to a file or a program."""
    command = f"{sys.executable} -m flowstone.cli.main audit {words}"
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} {output}"],
        check=False,
        capture_output=True,
        text=True,
        env=dict(os.environ),
    )


@pytest.mark.parametrize("words", ["verify", "log", "export"])
def test_output_that_cannot_be_written(words: str, home: Path) -> None:
    """A full disk is no verdict: 2 and a message."""
    flowstone_audit.log("a.b", **WHO)
    ended = piped(words, "> /dev/full")
    assert (2, True, False) == (
        ended.returncode,
        "No space left" in ended.stderr,
        "Traceback" in ended.stderr,
    )


@pytest.mark.parametrize("words", ["verify", "log --limit 1000", "export"])
def test_a_reader_that_goes_away(words: str, home: Path) -> None:
    """Nothing is said to who has read enough, and the exit code is a shell's for it."""
    for _ in range(3):
        flowstone_audit.log("a.b", **WHO)
    ended = piped(words, "| (exec <&-; sleep 0.2)")
    assert (141, "") == (ended.returncode, ended.stderr)


def test_a_mistake_of_ours_is_no_verdict(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is raised, `verify` ends with 1 for what was tampered with alone; Ctrl-C is 130."""
    flowstone_audit.log("a.b", **WHO)
    for error, code in ((RuntimeError("oops"), 2), (MemoryError(), 2), (KeyboardInterrupt(), 130)):
        monkeypatch.setattr(asking, "answer", lambda *_, error=error: (_ for _ in ()).throw(error))
        ended = CliRunner().invoke(group.audit, ["verify"], catch_exceptions=False)
        assert code == ended.exit_code


@pytest.mark.parametrize("words", ["key", "seal"])
def test_no_log_yet(words: str, home: Path) -> None:
    """Without a database nothing is made, and what makes one is said."""
    ended = run(words)
    assert (2, True) == (ended.exit_code, "no audit log" in ended.stderr)
    assert [] == list(home.glob("audit.db*"))


def test_numbers_that_no_entry_can_have(home: Path) -> None:
    """A cursor beyond 64 bit is wrong usage."""
    flowstone_audit.log("a.b", **WHO)
    for words in (("log", "--after"), ("history", "run:r", "--before")):
        assert 2 == run(*words, "9" * 23).exit_code


def test_an_id_that_is_none(home: Path) -> None:
    """It says what an id looks like."""
    flowstone_audit.log("a.b", **WHO)
    ended = run("erase", "--entry", "zz", "--dry-run")
    assert (3, "zz is no id of an audit entry: 32 hex digits, or its number\n") == (
        ended.exit_code,
        ended.stderr,
    )


@pytest.mark.parametrize("words", [("--since", "0003", "--revision", "0001"), ("--revision", "base")])
def test_no_sql_for_the_way_down(words: tuple[str, ...], home: Path) -> None:
    """An empty transaction would look like a success."""
    ended = run("migrate", "--sql", "--dialect", "sqlite", *words)
    assert (2, "", True) == (ended.exit_code, ended.stdout, "no way up" in ended.stderr)


def test_erasing_takes_its_role(
    home: Path, postgres: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A plain writer is refused before anything is put on record; the eraser's background tells no parameters."""
    url = postgres.database()
    owner = engines.make(url)
    migrating.upgrade(owner)
    owner.dispose()
    for user in ("writer", "eraser"):
        postgres.sql(f"CREATE ROLE ends_{user} LOGIN IN ROLE flowstone_audit_{user}")
    name = str(make_url(url).database)
    monkeypatch.setenv("FLOWSTONE_AUDIT_URL", postgres.url(name, "ends_writer"))
    entry = flowstone_audit.log("a.b", **WHO, client_ip="10.0.0.1")
    words = ("erase", "--actor", "ann", "--request", "r", "--by", "dpo", "--yes")
    ended = run(*words)
    assert (2, True) == (ended.exit_code, "takes a member of the role flowstone_audit_eraser" in ended.stderr)
    log = json.loads(run("log", "--json").stdout)["entries"]
    assert [entry.id] == [one["id"] for one in log]
    with pytest.raises(NotPermitted, match="ends_writer is none"):
        permission.see_eraser(database.of(recorder.current().config), "pruning")
    flushing.shutdown(2.0)
    recorder.replace(None)
    database.close_all()
    monkeypatch.setenv("FLOWSTONE_AUDIT_URL", postgres.url(name, "ends_eraser"))
    assert 0 == run(*words).exit_code
    recorder.current().chores._seal()
    assert "[SQL:" not in caplog.text
    assert json.loads(run("show", entry.id, "--json").stdout)["erased"]
