"""Erasure, on both databases."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError

import flowstone_audit
from flowstone.plugin import RunStart
from flowstone.testing.samples import sample
from flowstone_audit import (
    archive,
    archive_check,
    database,
    erasing,
    ingest,
    queries,
    recorder,
    retention,
    sealing,
)
from flowstone_audit.reading import reading
from flowstone_audit.tables import erasure, log

WHO: dict[str, Any] = {"actor_id": "ann", "actor_type": "user"}


def write(count: int, **more: Any) -> list[str]:
    return [flowstone_audit.log("a.b", **WHO, **more).id for _ in range(count)]


def test_erasure_takes_what_is_private_and_leaves_the_proof(unsealed: str, tmp_path: Path) -> None:
    """Client, user agent and nonce are gone, everything else stands, and the entry still verifies."""
    (id, other) = (*write(1, client_ip="10.20.30.40", user_agent="curl/8"), *write(1, client_ip="10.0.0.2"))
    sealing.seal_all(database.engine())
    before = queries.entry(id)
    with database.connect() as connection:
        plan = erasing.plan(connection, ids=[id])
    assert erasing.Plan((id,), 0, 0) == plan
    erasing.erase(plan, request="T-1", by="dpo")
    after = queries.entry(id)
    assert (None, None, None, True) == (after.client_ip, after.user_agent, after.nonce, after.erased)
    unchanged = set(vars(before)) - {"client_ip", "user_agent", "nonce"}
    assert {name: getattr(before, name) for name in unchanged} == {
        name: getattr(after, name) for name in unchanged
    }
    assert "10.0.0.2" == queries.entry(other).client_ip
    told = queries.entries(event_type="audit.erased").entries
    assert [
        ("started", "dpo", {"request": "T-1", "entries": 1}),
        ("success", "dpo", {"request": "T-1", "entries": 1}),
    ] == [(entry.outcome, entry.actor_id, entry.details) for entry in told]
    with database.connect() as connection:
        assert [(id, "T-1", "dpo")] == [
            tuple(row)
            for row in connection.execute(
                select(erasure.c.entry_id, erasure.c.request, erasure.c.requested_by)
            )
        ]
        assert erasing.Plan((), 1, 0) == erasing.plan(connection, ids=[id])
    with retention.snapshot() as connection:
        archive.write(tmp_path / "a.jsonl", connection)
    archive_check.check(
        tmp_path / "a.jsonl",
    )
    assert b"10.20.30.40" not in (tmp_path / "a.jsonl").read_bytes()


def test_sqlite_files_hold_nothing_of_what_was_erased(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an erasure the bytes are in neither the database's file nor its log."""
    write(300, client_ip="10.20.30.40", user_agent="a-user-agent-that-is-unique")
    with database.connect() as connection:
        plan = erasing.plan(connection, actor_id="ann")
    assert 300 == len(plan.ids)
    left = erasing.erase(plan, request="T-1", by="dpo")
    found = [path.name for path in home.iterdir() if path.is_file() and b"10.20.30.40" in path.read_bytes()]
    assert ([], ()) == (found, left)


def test_erasure_of_an_actor_counts_what_there_is(audit: str) -> None:
    """All entries of an actor, of any kind; what never was private, and what is gone already, are told apart."""
    write(2, client_ip="10.0.0.1")
    write(1)
    with database.connect() as connection:
        first = erasing.plan(connection, ids=[queries.entries(limit=1).entries[0].id])
    erasing.erase(first, request="T", by="d")
    with database.connect() as connection:
        plan = erasing.plan(connection, actor_id="ann")
    assert (1, 1, 1) == (len(plan.ids), plan.erased, plan.bare)
    with database.connect() as connection:
        with pytest.raises(flowstone_audit.NotFound, match="nobody"):
            erasing.plan(connection, actor_id="nobody")
        with pytest.raises(flowstone_audit.NotFound):
            erasing.plan(connection, ids=["0" * 32])


def test_without_permission_nothing_is_erased(audit: str) -> None:
    """The guards refuse to null what no erasure is on record for."""
    write(1, client_ip="10.0.0.1")
    with pytest.raises(DBAPIError, match="flowstone audit"), database.engine().begin() as connection:
        connection.execute(update(log).values(client_ip=None, user_agent=None, private=None, nonce=None))
    assert "10.0.0.1" == queries.entries().entries[0].client_ip


def test_files_of_the_spool_that_hold_what_was_erased_are_named(
    audit: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A live writer's segment, while it stands there; one with nothing of it is not; lines that were refused always."""
    monkeypatch.setenv("FLOWSTONE_AUDIT_PRIVATE", "email")
    keeper = recorder.current()
    event = replace(sample(RunStart, "r-1"), attributes={"email": "ann@example.org"})
    keeper.gather([event])
    keeper.settle()
    other = write(1, client_ip="10.0.0.1")
    (segment,) = keeper.config.spool.glob("*.spool")
    plans = []
    for ids in ([event.id], other):
        with reading(catch_up=5.0) as connection:
            plans.append(erasing.plan(connection, ids=ids))
    assert b"ann@example.org" in segment.read_bytes()
    assert str(segment) not in "".join(erasing.erase(plans[1], request="T-1", by="dpo"))
    refused = segment.with_name("1-aaaaaaaa.refused")
    refused.write_bytes(b"?")
    left = erasing.erase(plans[0], request="T-1", by="dpo")
    assert [(True, True), (False, True)] == [
        (str(segment) in each, str(segment) in each or str(refused) in each) for each in left[-2:]
    ]
    keeper.close()
    ingest.catch_up(5.0)
    assert [refused] == list(keeper.config.spool.iterdir())
