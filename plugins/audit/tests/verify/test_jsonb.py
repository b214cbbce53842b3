"""Bytes that spell a text, in a text's place: SQLite 3.45 and newer write them as JSON as they write the text."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys

import pytest
from sqlalchemy import text

from plugins.audit.tests.verify.story import Story

_VERIFY = """
import json, sys
if sys.argv[1] == "newer":
    import pysqlite3
    sys.modules["sqlite3"], sys.modules["sqlite3.dbapi2"] = pysqlite3, pysqlite3.dbapi2
from flowstone_audit.verifying.sqlite import SqliteSource
from flowstone_audit.verifying.target import target_of
from flowstone_audit.verifying.whole import Options, verify
SqliteSource.bunched = int(sys.argv[3])
print(json.dumps([[one.kind, one.seq] for one in verify(target_of(sys.argv[2]), Options()).alarms]))
"""
_PLACES = {
    1: "actor_id",
    2: "user_agent",
    3: "details",
    4: "ordinal",
    5: "private",
    6: "occurred_at",
    7: "v",
    8: "inserted_at",
    9: "writer",
}


def jsonb(value: str | int) -> bytes:
    """Return the JSONB of a value, as ``jsonb(json_quote(value))`` makes it."""
    kind, content = (3, str(value).encode()) if isinstance(value, int) else (10, value.encode())
    size = len(content)
    head = bytes([size << 4 | kind]) if size < 12 else bytes([0xC0 | kind, size])
    return head + content


@pytest.mark.parametrize("told", ["sqlite"], indirect=True)
@pytest.mark.parametrize("bunched", [0, 1], ids=["one by one", "each alone in a bunch"])
@pytest.mark.parametrize("library", ["own", "newer"])
def test_bytes_that_spell_a_text(told: Story, library: str, bunched: int) -> None:
    """Bytes are found in whatever column, though they come out of SQLite as what was sealed."""
    if library == "newer":
        if sqlite3.sqlite_version_info >= (3, 45):
            pytest.skip("Python's own SQLite is as new")
        pytest.importorskip("pysqlite3", reason="SQLite is older than 3.45; pip install pysqlite3-binary")
    with told.attacking() as connection:
        for seq, column in _PLACES.items():
            asked = text(f"SELECT {column} FROM flowstone_audit_log WHERE seq = {seq}")
            new = jsonb(connection.execute(asked).scalar_one())
            change = text(f"UPDATE flowstone_audit_log SET {column} = :new WHERE seq = {seq}")
            connection.execute(change, {"new": new})
        connection.commit()
    told.engine.dispose()
    ended = subprocess.run(
        [sys.executable, "-c", _VERIFY, library, told.url, str(bunched)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert [["modified", seq] for seq in _PLACES] == json.loads(ended.stdout)
