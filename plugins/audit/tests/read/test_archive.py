"""Archives, retention and erasure, on both databases."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from sqlalchemy import create_engine, func, insert, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

import flowstone_audit
from flowstone_audit import (
    archive,
    archive_check,
    checkpoint,
    config,
    database,
    heads,
    keys,
    queries,
    retention,
    sealing,
)
from flowstone_audit.archive_form import ArchiveBroken, Fold
from flowstone_audit.tables import floor, log
from flowstone_audit.tree.frontier import Frontier
from flowstone_audit.tree.layout import full_subtrees

WHO: dict[str, Any] = {"actor_id": "ann", "actor_type": "user"}


def write(count: int, **more: Any) -> list[str]:
    return [flowstone_audit.log("a.b", **WHO, details={"n": n}, **more).id for n in range(count)]


def seal() -> None:
    """Seal all: where another transaction of the server may still bring earlier rows, when it has ended."""
    left = "SELECT (SELECT count(*) FROM flowstone_audit_log) - (SELECT coalesce(sum(leaves), 0) FROM flowstone_audit_seal)"
    deadline = monotonic() + 20
    while True:
        sealing.seal_all(database.engine(), swept=True)
        with database.engine().connect() as connection:
            if int(connection.exec_driver_sql(left).scalar_one()) <= 0:
                return
        assert monotonic() < deadline
        sleep(0.05)


def age(url: str, days: int) -> None:
    """Make every entry so many days older."""
    older = f"- interval '{days} days'" if "postgresql" in url else f"- {days * 86_400_000_000}"
    without_guard(url, "update", f"UPDATE flowstone_audit_log SET inserted_at = inserted_at {older}")


def without_guard(url: str, guard: str, statement: str) -> None:
    """Run a statement as only the owner can: with the guard away."""
    engine = create_engine(url, poolclass=NullPool)
    name = f"flowstone_audit_log_{guard}"
    with engine.begin() as connection:
        run = connection.exec_driver_sql
        if connection.dialect.name == "postgresql":
            run(f"ALTER TABLE flowstone_audit_log DISABLE TRIGGER {name}")
            run(statement)
            run(f"ALTER TABLE flowstone_audit_log ENABLE ALWAYS TRIGGER {name}")
        else:
            text = run(f"SELECT sql FROM sqlite_master WHERE name = '{name}'").scalar_one()
            run(f"DROP TRIGGER {name}")
            run(statement)
            run(text)
    engine.dispose()


def the_key() -> keys.VerifierKey:
    with database.connect() as connection:
        name = checkpoint.origin(heads.log_id(connection))
    return keys.Signer(name, keys.load(config.load().key)).verifier


def count() -> int:
    with database.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(log)).scalar_one())


def test_ranges_fold_to_the_root_of_their_tree() -> None:
    """Subtrees left and right of any range, and its leaves, lead to the root, for every range up to 40 leaves."""
    leaves = [bytes([n]) * 32 for n in range(40)]
    for size in range(1, 41):
        frontier = Frontier()
        frontier.extend(leaves[:size])
        for first in range(size):
            for end in range(first + 1, size + 1):
                fold = Fold()
                for node in [*full_subtrees(0, first)]:
                    fold.push(node.level, subtree(leaves, node.level, node.n))
                for leaf in leaves[first:end]:
                    fold.push(0, leaf)
                for node in full_subtrees(end, size):
                    fold.push(node.level, subtree(leaves, node.level, node.n))
                assert frontier.root() == fold.root()


def subtree(leaves: list[bytes], level: int, n: int) -> bytes:
    made = Frontier()
    made.extend(leaves[n << level : (n + 1) << level])
    return made.root()


def test_an_archive_verifies_offline_and_holds_every_entry(unsealed: str, tmp_path: Path) -> None:
    """What is sealed is in the archive with its private columns, and verifies without the database."""
    written = write(7, client_ip="10.0.0.1") + write(3)
    seal()
    write(1)  # sealed by nobody yet
    path = tmp_path / "archive.jsonl"
    with retention.snapshot() as connection:
        header = archive.write(path, connection)
    assert 0o600 == path.stat().st_mode & 0o777
    checked = archive_check.check(path, [the_key()])
    assert (10, 0, 10, True) == (header.rows, header.holes, header.leaves, checked.signed)
    lines = [json.loads(line) for line in path.read_bytes().splitlines()[1:]]
    assert written == [line["row"][1] for line in lines]
    assert ["10.0.0.1"] * 7 == [line["private"][0] for line in lines[:7]]
    assert [None] * 3 == [line["private"] for line in lines[7:]]


def test_any_change_of_an_archive_is_found(unsealed: str, tmp_path: Path) -> None:
    """One byte changed, a line dropped, doubled or swapped, an end cut off: none of it verifies."""
    write(6, client_ip="10.0.0.1", correlation_id="c")
    seal()
    path, forged = tmp_path / "archive.jsonl", tmp_path / "forged.jsonl"
    with retention.snapshot() as connection:
        archive.write(path, connection)
    key = the_key()
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    forgeries = [
        b"".join(lines[:-1]),
        b"".join([*lines, lines[-1]]),
        b"".join([lines[0], lines[2], lines[1], *lines[3:]]),
        whole[:-1],
        b"",
        whole.replace(b'"ann"', b'"bob"', 1),
        whole.replace(b"10.0.0.1", b"10.0.0.2", 1),
        whole.replace(b'"seq":3', b'"seq":4', 1),
    ]
    chance = random.Random(4)
    harmless = set(range(len(lines[0])))  # in the header stands what proves nothing: when it was made
    for _ in range(200):
        at = chance.choice(sorted(set(range(len(whole))) - harmless))
        forgeries.append(whole[:at] + bytes([whole[at] ^ 1 << chance.randrange(7)]) + whole[at + 1 :])
    for one in forgeries:
        forged.write_bytes(one)
        with pytest.raises(ArchiveBroken):
            archive_check.check(forged, [key])
    stranger = keys.load_or_make(tmp_path / "other.pem")
    with pytest.raises(ArchiveBroken, match="checkpoint"):
        archive_check.check(path, [keys.Signer(key.name, stranger).verifier])


def test_prune_archives_then_deletes_what_is_old_enough(unsealed: str, tmp_path: Path) -> None:
    """Old sealed entries go into a verified archive and out of the database; young ones stay; it is on record."""
    old = write(5, client_ip="10.0.0.1")
    age(unsealed, 400)
    seal()
    young = write(2)
    seal()
    with retention.snapshot() as connection:
        plan = retention.plan(connection, 365)
    assert plan.scope is not None
    assert 5 == plan.scope.rows
    done = retention.prune(tmp_path / "a.jsonl", plan, by="operator")
    assert 5 == done.rows
    left = queries.entries().entries
    assert [*young] == [entry.id for entry in left if entry.event_type == "a.b"]
    told = [(entry.event_type, entry.outcome, entry.actor_id, entry.details["entries"]) for entry in left[2:]]
    assert [("audit.pruned", "started", "operator", 5), ("audit.pruned", "success", "operator", 5)] == told
    checked = archive_check.check(tmp_path / "a.jsonl", [the_key()])
    assert checked.digest.hex() == left[2].details["sha256"]
    assert old == [
        json.loads(line)["row"][1] for line in (tmp_path / "a.jsonl").read_bytes().splitlines()[1:]
    ]
    with database.connect() as connection:
        assert (plan.scope.through_seq, 365, checked.digest) == tuple(
            connection.execute(select(floor.c.through_seq, floor.c.retain_days, floor.c.archive_digest)).one()
        )


def test_prunes_follow_one_another(unsealed: str, tmp_path: Path) -> None:
    """Each prune takes what has become old since, from leaf to leaf; retention only grows."""
    for n in range(3):
        write(3 + n)
        age(unsealed, 100)
        seal()
        with retention.snapshot() as connection:
            plan = retention.plan(connection, 50 + n)
        archived = retention.prune(tmp_path / f"{n}.jsonl", plan, by="operator")
        archive_check.check(tmp_path / f"{n}.jsonl", [the_key()])
        assert 3 + n + (2 if n else 0) == archived.rows  # the entries that tell of the prune before, too
    with retention.snapshot() as connection, pytest.raises(retention.RetentionShorter, match="52 days"):
        retention.plan(connection, 51)


def test_what_is_not_sealed_is_not_pruned(unsealed: str, tmp_path: Path) -> None:
    """However old: what has no proof stays."""
    write(3)
    age(unsealed, 400)
    with retention.snapshot() as connection:
        assert None is retention.plan(connection, 1).scope


def test_a_tampered_log_is_not_pruned(unsealed: str, tmp_path: Path) -> None:
    """Where the archive does not verify, nothing is deleted, no floor is set, and no file left that stops a next try."""
    write(3)
    seal()
    age(unsealed, 400)  # after sealing: inserted_at is not what was sealed
    with retention.snapshot() as connection:
        plan = retention.plan(connection, 365)
    for _ in range(2):
        with pytest.raises(ArchiveBroken, match=r"root.*removed again"):
            retention.prune(tmp_path / "a.jsonl", plan, by="operator")
    assert [] == list(tmp_path.glob("a.jsonl*"))
    assert 3 == count()
    with database.connect() as connection:
        assert 0 == connection.execute(select(func.count()).select_from(floor)).scalar_one()


def test_an_archive_is_there_as_a_whole_or_not(unsealed: str, tmp_path: Path) -> None:
    """One that was interrupted leaves nothing behind, and one that is there is not touched."""
    write(3)
    seal()
    path = tmp_path / "a.jsonl"
    with retention.snapshot() as connection:
        with pytest.raises(ZeroDivisionError):
            archive.write(path, connection, told=lambda _: 1 // 0)
        assert not path.exists()
        path.write_text("mine")
        with pytest.raises(FileExistsError):
            archive.write(path, connection)
    assert "mine" == path.read_text()


def test_a_prune_does_not_cover_up_a_deletion(unsealed: str, tmp_path: Path) -> None:
    """Where sealed entries are gone that no prune has deleted, nothing is pruned over them, wherever they stood."""
    write(4)
    age(unsealed, 400)
    seal()
    for seq in (1, 3):
        without_guard(unsealed, "delete", f"DELETE FROM flowstone_audit_log WHERE seq = {seq}")
        with retention.snapshot() as connection, pytest.raises(retention.EntriesMissing, match="first 1"):
            retention.plan(connection, 365)
    assert 2 == count()


def test_the_database_itself_keeps_what_is_young(audit: str, tmp_path: Path) -> None:
    """Even with a floor above them, entries inside the retention cannot be deleted."""
    write(2)
    engine = database.engine()
    with engine.begin() as connection:
        connection.execute(
            insert(floor),
            {"through_seq": 99, "retain_days": 1, "archive_digest": b"\0" * 32, "set_at": datetime.now(UTC)},
        )
    with pytest.raises(DBAPIError, match="flowstone audit"), engine.begin() as connection:
        connection.execute(log.delete())
    assert 2 == count()


def test_an_archive_may_leave_the_private_columns_out(unsealed: str, tmp_path: Path) -> None:
    """Without them it verifies as well."""
    write(2, client_ip="10.20.30.40")
    seal()
    with retention.snapshot() as connection:
        archive.write(tmp_path / "a.jsonl", connection, private=False)
    assert b"10.20.30.40" not in (tmp_path / "a.jsonl").read_bytes()
    archive_check.check(tmp_path / "a.jsonl", [the_key()])
