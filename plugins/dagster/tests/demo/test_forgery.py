from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from flowstone_dagster.demo.forgery import forge

GUARDED = """
    CREATE TABLE flowstone_audit_log (seq INTEGER PRIMARY KEY, actor_id TEXT);
    INSERT INTO flowstone_audit_log VALUES (1, 'ann'), (2, 'bob');
"""
GUARD = """
    CREATE TRIGGER guard BEFORE UPDATE ON flowstone_audit_log BEGIN SELECT RAISE(ABORT, 'never'); END;
"""


def made(path: Path, script: str) -> Path:
    """Make a database."""
    with closing(sqlite3.connect(path)) as database:
        database.executescript(script)
    return path


def held(path: Path) -> tuple[list[tuple[int, str]], list[str]]:
    """Return the entries of a database, and its guards."""
    with closing(sqlite3.connect(path)) as database:
        guards = [sql for (sql,) in database.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'")]
        return database.execute("SELECT * FROM flowstone_audit_log ORDER BY seq").fetchall(), guards


@pytest.mark.parametrize("times", [1, 2])
def test_the_copy_is_forged_and_the_log_is_not(tmp_path: Path, times: int) -> None:
    """One entry of the copy differs, its guards do not; the log is as it was. Also over a former copy."""
    log = made(tmp_path / "log.db", GUARDED + GUARD)
    before, copy = held(log), tmp_path / "forged" / "copy.db"
    done = [forge(log, copy, 2, "mallory") for _ in range(times)][-1]
    assert ("bob", "mallory", "never", 1) == (done.was, done.forged, done.refusal, done.guards)
    assert ([(1, "ann"), (2, "mallory")], before[1]) == held(copy)
    assert before == held(log)


def test_a_database_without_guards_refuses_nothing(tmp_path: Path) -> None:
    """What is not refused is not told as refused."""
    done = forge(made(tmp_path / "log.db", GUARDED), tmp_path / "copy.db", 1, "mallory")
    assert ("", 0) == (done.refusal, done.guards)
