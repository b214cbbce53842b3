"""Processes that write and seal until they are killed, and what remains to be done when they are gone."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from flowstone_audit import engines, heads, keys, sealing
from flowstone_audit.keys import Signer
from plugins.audit.tests.sealing.rows import write as write_rows

READY: Final = b"+"


def write(url: str, acknowledged: Path, seed: int, until: float) -> None:
    """Write transactions of 1 to 3 rows, with pauses before their end; every tenth is rolled back.

    Of PostgreSQL's every twentieth is prepared, and ended by the next one, one way or the other. The ids of
    what is committed are appended to *acknowledged*.
    """
    chance = random.Random(seed)
    engine = engines.make(url)
    two_phase = engine.dialect.name == "postgresql"
    told = os.open(acknowledged, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(told, READY * 16)
    turn = 0
    while time.monotonic() < until:
        turn += 1
        try:
            ids = (
                _prepare(engine, chance, f"t{os.getpid()}_{turn}")
                if two_phase and chance.random() < 0.05
                else _write(engine, chance)
            )
        except OperationalError as error:
            if "locked" not in str(error):
                raise
            continue
        os.write(told, b"".join(ids))
        time.sleep(chance.random() * 0.002)  # SQLite's lock is not fair


def _write(engine: Engine, chance: random.Random) -> list[bytes]:
    with engine.connect().execution_options(**{engines.IMMEDIATE: True}) as connection:
        transaction = connection.begin()
        ids = write_rows(connection, chance.randint(1, 3))
        time.sleep(chance.random() * 0.004 if chance.random() < 0.5 else 0)
        if chance.random() < 0.1:
            transaction.rollback()
            return []
        transaction.commit()
    return ids


def _prepare(engine: Engine, chance: random.Random, name: str) -> list[bytes]:
    with engine.connect() as connection:
        connection.begin()
        ids = write_rows(connection, 1)
        connection.execute(text(f"PREPARE TRANSACTION '{name}'"))
        connection.commit()
    time.sleep(chance.random() * 0.05)
    commit = chance.random() < 0.5
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"{'COMMIT' if commit else 'ROLLBACK'} PREPARED '{name}'"))
    return ids if commit else []


def seal(url: str, home: Path, ready: Path, seed: int, until: float) -> None:
    """Seal batches of random size, as fast as it goes; *ready* is there from the first on."""
    # The home's own log stays out of it: its checkpoints would stand in the same file.
    os.environ |= {"FLOWSTONE_HOME": str(home), "FLOWSTONE_AUDIT_URL": "off"}
    chance = random.Random(seed)
    engine = engines.make(url)
    signer = signer_of(engine, home)
    ready.touch()
    while time.monotonic() < until:
        try:
            with engine.connect() as connection:
                if chance.random() < 0.2:
                    sealing.seal_all(connection, signer, timeout=0.2)
                sealing.seal_once(connection, signer, limit=chance.choice([1, 5, 50, 500]))
        except OperationalError as error:
            if "locked" not in str(error):
                raise
        time.sleep(chance.random() * 0.004)


def signer_of(engine: Engine, home: Path) -> Signer:
    """Return the signer that all sealers of a test share."""
    with engine.begin() as connection:
        return Signer(
            f"flowstone/audit/{heads.log_id(connection)}", keys.load_or_make(home / "audit" / "key.pem")
        )


def end_prepared(engine: Engine, living: set[int]) -> None:
    """End what writers left prepared when they were killed: some of it one way, some the other."""
    if engine.dialect.name != "postgresql":
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        names = connection.execute(
            text("SELECT gid FROM pg_prepared_xacts WHERE database = current_database()")
        ).scalars()
        for name in names.all():
            pid, _, turn = name.removeprefix("t").partition("_")
            if int(pid) not in living:
                end = "COMMIT" if int(turn) % 2 else "ROLLBACK"
                connection.execute(text(f"{end} PREPARED '{name}'"))


def acknowledged(path: Path) -> set[bytes]:
    """Return the ids that a writer said are committed."""
    data = path.read_bytes()
    return {data[at : at + 16] for at in range(16, len(data) - len(data) % 16, 16)}
