"""What somebody with every right on the audit database can do to it. Only ever done to a copy."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_ENTRY: Final = "FROM flowstone_audit_log WHERE seq = ?"
_REWRITE: Final = "UPDATE flowstone_audit_log SET actor_id = ? WHERE seq = ?"
_GUARDS: Final = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name LIKE 'flowstone#_audit#_%' ESCAPE '#'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgery:
    """What was done to the copy.

    Attributes:
        seq: The entry.
        was: Who had decided.
        forged: Who decided it by the copy.
        refusal: What the database said as long as its guards stood.
        guards: How many guards were dropped, and put back as they were.
    """

    seq: int
    was: str
    forged: str
    refusal: str
    guards: int


def forge(log: Path, copy: Path, seq: int, forged: str) -> Forgery:
    """Copy the database and rewrite, in the copy, who decided the entry *seq*.

    Args:
        log: The audit database; it is only read.
        copy: Where the copy goes; what was there is replaced.
        seq: The entry's number.
        forged: Who is to have decided.

    Raises:
        sqlite3.Error: It cannot be done.
    """
    for name in (copy, *(copy.with_name(copy.name + end) for end in ("-wal", "-shm"))):
        name.unlink(missing_ok=True)
    copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Not in a transaction of Python's: the statements of an attacker go through one by one.
    with closing(sqlite3.connect(copy, isolation_level=None)) as database:
        with closing(sqlite3.connect(f"{log.absolute().as_uri()}?mode=ro", uri=True)) as source:
            source.backup(database)
        was = str(database.execute(f"SELECT actor_id {_ENTRY}", (seq,)).fetchone()[0])
        refusal = _refusal(database, seq, forged)
        guards = database.execute(_GUARDS).fetchall()
        for name, _ in guards:
            database.execute(f'DROP TRIGGER "{name}"')
        database.execute(_REWRITE, (forged, seq))
        for _, statement in guards:
            database.execute(statement)
    return Forgery(seq=seq, was=was, forged=forged, refusal=refusal, guards=len(guards))


def _refusal(database: sqlite3.Connection, seq: int, forged: str) -> str:
    """Return why the database does not let the entry be rewritten; empty if it does."""
    try:
        database.execute(_REWRITE, (forged, seq))
    except sqlite3.IntegrityError as error:
        return str(error)
    return ""
