"""Logs to verify: written, sealed and published as the plugin does it."""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, Engine, text

from flowstone_audit import canonical, checkpoint, engines, heads, insert, sealing
from flowstone_audit.keys import Signer
from flowstone_audit.note import parse as notes_parse
from flowstone_audit.note import write as notes_write
from flowstone_audit.row import VERSION, Row
from flowstone_audit.sealing import Sealed
from flowstone_audit.tree.frontier import Frontier
from flowstone_audit.verifying.opened import Target, open_source
from flowstone_audit.verifying.report import PROVEN, Report
from flowstone_audit.verifying.target import target_of
from flowstone_audit.verifying.whole import Options, verify

_ordinals = count(1)


def row(**given: Any) -> Row:
    """Return an entry like no other, as a writer makes it."""
    now = time.time_ns() // 1000
    number = next(_ordinals)
    made = Row(
        v=VERSION,
        id=(now // 1000).to_bytes(6, "big") + os.urandom(10),
        event_type=f"rule.updated{number}",
        actor_id=f"actor-{number}",
        actor_type=("system", "user", "api")[number // 3 % 3],
        resource_type=f"kind-{number}",
        resource_id=f"r-{number}",
        action=f"updated{number}",
        outcome=("started", "success", "failure", "denied")[number % 4],
        details=f'{{"n":{number},"text":"täxt\\u0000"}}',
        correlation_id=f"c-{number}",
        trace_id=os.urandom(16).hex(),
        span_id=os.urandom(8).hex(),
        run_id=f"run-{number}",
        writer=f"host/{os.getpid()}/{number:08x}",
        ordinal=number,
        occurred_at=now - number,
        client_ip=None,
        user_agent=None,
        private=None,
        nonce=None,
        commitment=None,
        row_hash=b"",
    )
    return canonical.sealed(made._replace(**given))


def private(**given: Any) -> Row:
    """Return an entry with all private columns filled."""
    number = os.urandom(4).hex()
    held = {
        "client_ip": f"192.0.2.{number}",
        "user_agent": f"agent {number}",
        "private": f'{{"mail":"{number}"}}',
    }
    return row(**{**held, "nonce": os.urandom(32), **given})


@dataclass
class Story:
    """A log, the key that signs for it, and what was published of it.

    Attributes:
        url: Its database.
        engine: As the plugin makes it.
        signer: Signs for it.
        notes: Checkpoints that an anchor outside has.
    """

    url: str
    engine: Engine
    signer: Signer
    notes: list[str] = field(default_factory=list)

    @property
    def target(self) -> Target:
        """The database for verification."""
        return target_of(self.url)

    @property
    def is_sqlite(self) -> bool:
        """Whether it is SQLite."""
        return self.engine.dialect.name == "sqlite"

    def write(self, *rows: Row) -> None:
        """Commit entries."""
        with self.engine.begin() as connection:
            insert.rows(connection, list(rows))

    def seal(self, *, publish: bool = True) -> Sealed | None:
        """Seal what is committed, and publish the checkpoint."""
        with self.engine.connect() as connection:
            made = sealing.seal_once(connection, self.signer)
        if made is not None and publish:
            self.notes.append(made.note)
        return made

    def fill(self, *batches: int) -> None:
        """Write and seal batches of so many entries; every third one has private columns."""
        for size in batches:
            self.write(*(private() if at % 3 == 1 else row() for at in range(size)))
            self.seal()

    def verify(self, **given: Any) -> Report:
        """Verify, with the key and all that was published outside."""
        options = {"notes": tuple(self.notes), "keys": (self.signer.verifier,), **given}
        return verify(self.target, Options(**options))

    @contextmanager
    def attacking(self) -> Iterator[Connection]:
        """Yield a connection of one who owns the database: guards are taken away before, and put back after."""
        with self.engine.connect() as connection:
            if self.is_sqlite:
                yield from _without_guards_sqlite(connection)
            else:
                yield from _without_guards_postgresql(connection)


def _without_guards_sqlite(connection: Connection) -> Iterator[Connection]:
    guards = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").all()
    connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
    for name, _ in guards:
        connection.exec_driver_sql(f"DROP TRIGGER {name}")
    yield connection
    for _, sql in guards:
        connection.exec_driver_sql(sql)
    connection.exec_driver_sql("PRAGMA ignore_check_constraints = OFF")
    connection.commit()


def _without_guards_postgresql(connection: Connection) -> Iterator[Connection]:
    tables = ("log", "seal", "meta", "erasure", "floor")
    checks = connection.execute(
        text(
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE contype = 'c' AND conrelid::regclass::text LIKE 'flowstone_audit_%'"
        )
    ).all()
    enabled = connection.execute(
        text(
            "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE tgenabled = 'A' AND NOT tgisinternal"
        )
    ).all()
    for table in tables:
        connection.execute(text(f"ALTER TABLE flowstone_audit_{table} DISABLE TRIGGER ALL"))
    for table, name, _ in checks:
        connection.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT {name}"))
    connection.commit()
    yield connection
    connection.commit()
    for table in tables:
        connection.execute(text(f"ALTER TABLE flowstone_audit_{table} ENABLE TRIGGER ALL"))
    for table, name in enabled:
        connection.execute(text(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}"))
    for table, name, definition in checks:
        try:
            with connection.begin_nested():
                connection.execute(text(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}"))
        except Exception:  # noqa: BLE001 what was put in breaks it
            connection.execute(text(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition} NOT VALID"))
    connection.commit()


def rewrite(story: Story, signer: Signer | None, shift_us: int = 0) -> None:
    """Make history anew: entry 5 by another actor (or all entries older), and all hashes that follow from it.

    Args:
        story: The log.
        signer: Signs the checkpoints; None leaves the old ones, which do not fit then.
        shift_us: By so much entries and checkpoints become older, and nothing else is changed.
    """
    with story.attacking() as connection:
        if shift_us:
            by = f"- {shift_us}" if story.is_sqlite else f"- interval '{shift_us} microseconds'"
            connection.execute(text(f"UPDATE flowstone_audit_log SET inserted_at = inserted_at {by}"))
            connection.execute(text(f"UPDATE flowstone_audit_seal SET sealed_at = sealed_at {by}"))
        else:
            connection.execute(text("UPDATE flowstone_audit_log SET actor_id = 'somebody' WHERE seq = 5"))
        connection.commit()
        source = open_source(story.target)
        with source.snapshot():
            stored = {one.seq: one for one in source.rows_of(range(1, 1000))}
        source.close()
        hashes = {seq: canonical.row_hash(one.row) for seq, one in stored.items()}
        if not shift_us:
            connection.execute(
                text("UPDATE flowstone_audit_log SET row_hash = :h WHERE seq = 5"), {"h": hashes[5]}
            )
        leaves = {seq: canonical.leaf_hash(hashes[seq], seq, one.inserted_at) for seq, one in stored.items()}
        grown, notes = Frontier(), []
        for leaf, packed, note in connection.execute(
            text("SELECT first_leaf, seqs, note FROM flowstone_audit_seal ORDER BY first_leaf")
        ).all():
            seqs = struct.unpack(f">{len(packed) // 8}Q", packed)
            values = {
                "leaf": leaf,
                "hashes": b"".join(grown.extend([leaves[seq] for seq in seqs])),
                "root": grown.root(),
                "frontier": grown.packed(),
                "note": note,
            }
            if signer is not None:
                said = checkpoint.parse(notes_parse(note))
                anew = said._replace(root=grown.root(), time=(said.time or 0) - shift_us)
                values["note"] = notes_write(anew.text, signer)
            notes.append(values["note"])
            change = "hashes = :hashes, root = :root, frontier = :frontier, note = :note"
            connection.execute(
                text(f"UPDATE flowstone_audit_seal SET {change} WHERE first_leaf = :leaf"), values
            )
        connection.commit()
    if shift_us:
        story.notes[:] = [str(note) for note in notes]


def put_in(story: Story, seq: int, at: datetime | None = None) -> None:
    """Have the owner put an entry among the others in PostgreSQL, with the hash that it must have.

    Args:
        story: The log.
        seq: Its number.
        at: Its date; that of its neighbour if not given.
    """
    columns = ", ".join(("seq", "inserted_at", *Row._fields))
    with story.attacking() as connection:
        if at is None:
            asked = text("SELECT inserted_at FROM flowstone_audit_log WHERE seq = :seq")
            at = connection.execute(asked, {"seq": seq - 1}).scalar_one()
        driver: Any = connection.connection.driver_connection
        values = [seq, at, *insert.for_postgresql([row(actor_id="boss")])]
        marks = ", ".join(["%s"] * len(values))
        driver.execute(f"INSERT INTO flowstone_audit_log ({columns}) VALUES ({marks})", values)
        connection.commit()


def begun(url: str, key: Ed25519PrivateKey | None = None) -> Story:
    """Return the story of a database with empty tables."""
    engine = engines.make(url)
    with engine.connect() as connection:
        name = checkpoint.origin(heads.log_id(connection))
    return Story(url, engine, Signer(name, key or Ed25519PrivateKey.generate()))


def file_of(story: Story) -> Path:
    """Return SQLite's file."""
    return Path(str(story.engine.url.database))


def clean(story: Story) -> None:
    """Fail unless a log is proven, whatever way it is verified."""
    for jobs in (1, 2):
        report = story.verify(jobs=jobs)
        assert ([], PROVEN) == (report.findings, report.code)
