from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

import flowstone_audit
from flowstone_audit import erasing, ingest, insert, retention, sealing
from flowstone_audit.verifying import single
from flowstone_audit.verifying.report import PROVEN, TAMPERED, Report
from flowstone_audit.verifying.whole import Options
from plugins.audit.tests.verify.story import Story, clean, put_in, rewrite, row

DAY_US = 86_400_000_000


def test_erased(lived: Story) -> None:
    """Entries that were erased by the rules are counted, and raise no alarm."""
    with lived.engine.connect() as connection:
        ids = [str(one) for one in connection.execute(text(_ids(lived))).scalars()]
        plan = erasing.plan(connection, ids=ids[:5])
    erasing.erase(plan, request="ticket 7", by="ann")
    settle(lived)
    report = lived.verify()
    assert ([], 5, PROVEN) == (report.findings, report.erased, report.code)
    clean(lived)
    assert [] == alone(lived, 2).findings


def test_erased_by_a_request_with_a_secret(lived: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request is redacted wherever it stands and held privately nowhere, so that it is on record for each entry."""
    monkeypatch.setenv("FLOWSTONE_AUDIT_PRIVATE", "request")
    with lived.engine.connect() as connection:
        ids = [str(one) for one in connection.execute(text(_ids(lived))).scalars()]
        plan = erasing.plan(connection, ids=ids[:2])
    erasing.erase(plan, request="https://jira/7?token=abc123", by="https://ann:pass1@sso")
    settle(lived)
    assert ([], 2) == ((report := lived.verify()).findings, report.erased)
    with lived.engine.connect() as connection:
        said = connection.execute(
            text("SELECT DISTINCT request, requested_by FROM flowstone_audit_erasure")
        ).all()
    assert [("https://jira/7?token=[redacted]", "https://[redacted]@sso")] == [tuple(one) for one in said]


@pytest.mark.parametrize(
    "held",
    [
        {"details": '{"request":"https://jira/7?token=[redacted]"}'},
        {"details": '{"request":[]}', "private": '{"request":"https://jira/7?token=abc123"}'},
    ],
)
def test_erased_before_requests_were_redacted(lived: Story, held: dict[str, str]) -> None:
    """Where the table has the request as it was given, and the entry has it redacted or privately, it is on record."""
    lived.write(row(event_type="audit.erased", **held, nonce=b"n" * 32 if "private" in held else None))
    erase_past_the_rules(lived, "https://jira/7?token=abc123")
    settle(lived)
    assert ([], 1) == ((report := lived.verify()).findings, report.erased)
    assert [] == alone(lived, 5).findings


def test_pruned(lived: Story, tmp_path: Path) -> None:
    """Entries that were archived and deleted by the rules are counted, and raise no alarm; archive and seals go on."""
    rewrite(lived, lived.signer, 40 * DAY_US)
    lived.fill(3)
    with retention.snapshot() as connection:
        plan = retention.plan(connection, 30)
    retention.prune(tmp_path / "old.jsonl", plan, by="ann")
    settle(lived)
    report = lived.verify()
    assert ([], 32, PROVEN) == (report.findings, report.pruned, report.code)
    clean(lived)
    one = alone(lived, 5)
    assert ([], 1, 0, PROVEN) == (one.findings, one.pruned, one.entries, one.code)


def test_pruned_past_the_rules(lived: Story) -> None:
    """A floor that no entry tells of, with entries deleted below it, is an alarm."""
    moment = str(time.time_ns() // 1000) if lived.is_sqlite else "now()"
    digest = "randomblob(32)" if lived.is_sqlite else "sha256('')"
    with lived.attacking() as connection:
        connection.execute(text(f"INSERT INTO flowstone_audit_floor VALUES (10, 1, {digest}, {moment})"))
        connection.execute(text("DELETE FROM flowstone_audit_log WHERE seq <= 10"))
        connection.commit()
    assert {"deleted": 1, "pruned early": 1} == lived.verify().counts


def pruned(story: Story, path: Path, **given: Any) -> None:
    """Prune what is older than 30 days."""
    with retention.snapshot() as connection:
        plan = retention.plan(connection, 30)
    retention.prune(path, plan, by="ann", **given)


def test_a_prune_that_was_interrupted(lived: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a prune raises no alarm, nor does the next one that does the rest, whatever came in between."""
    rewrite(lived, lived.signer, 40 * DAY_US)
    lived.fill(3)
    monkeypatch.setattr(retention, "_AT_ONCE", 5)

    def tell(number: int) -> None:
        if number == 5:  # so many were deleted
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pruned(lived, tmp_path / "half.jsonl", told=tell)
    settle(lived)
    report = lived.verify()
    assert ([], 5, PROVEN) == (report.findings, report.pruned, report.code)
    pruned(lived, tmp_path / "whole.jsonl")
    settle(lived)
    assert 32 == lived.verify().pruned
    clean(lived)


def test_entries_that_came_while_others_were_pruned(
    story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entry with an old number that was committed after a prune stays, and the next prune takes it."""
    if story.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    monkeypatch.setenv("FLOWSTONE_AUDIT_URL", story.url)
    story.fill(3)
    with story.engine.connect() as slow, story.engine.connect() as other:
        slow.exec_driver_sql("SELECT pg_current_xact_id()")  # while it runs, it may be that it has number 4
        insert.rows(other, [row()])
        other.rollback()
        story.fill(4, 2)
        rewrite(story, story.signer, 40 * DAY_US)
        pruned(story, tmp_path / "one.jsonl")
        put_in(story, 4, datetime.now(UTC) - timedelta(days=40))
        settle(story)
    report = story.verify()
    assert ([], 9, PROVEN) == (report.findings, report.pruned, report.code)
    clean(story)
    assert [4] == [seq for seq in numbers(story) if seq < 10]


@pytest.mark.parametrize("gone", ["seq = 3", "seq IN (5, 6)", "seq BETWEEN 2 AND 10", "seq IN (1, 3)"])
def test_chosen_entries_pruned(lived: Story, gone: str) -> None:
    """Entries that were deleted by the rules while older ones stay were chosen: that is an alarm."""
    rewrite(lived, lived.signer, 40 * DAY_US)
    digest = "5e" * 32
    record(digest, through_seq=10, tree_size=32)
    settle(lived)
    moment = str(time.time_ns() // 1000) if lived.is_sqlite else "now()"
    blob = f"x'{digest}'" if lived.is_sqlite else f"'\\x{digest}'"
    with lived.engine.begin() as connection:  # by an eraser: no guard is away
        connection.exec_driver_sql(f"INSERT INTO flowstone_audit_floor VALUES (10, 1, {blob}, {moment})")
        connection.exec_driver_sql(f"DELETE FROM flowstone_audit_log WHERE {gone}")
    for jobs in (1, 2):
        report = lived.verify(jobs=jobs)
        assert (TAMPERED, {"deleted"}) == (report.code, set(report.counts)), report.to_dict()
    for one in lived.verify().alarms:
        assert ["deleted"] == [each.kind for each in alone(lived, one.seq or 0).alarms]


@pytest.mark.parametrize(
    "said",
    [{}, {"through_seq": 99, "tree_size": 0}, {"through_seq": 3, "tree_size": 3}, {"tree_size": "all"}],
)
def test_records_of_a_prune_that_lie(lived: Story, said: dict[str, object]) -> None:
    """Whatever the entry audit.pruned says, entries that were chosen are missed."""
    rewrite(lived, lived.signer, 40 * DAY_US)
    digest = "5e" * 32
    record(digest, **said)
    settle(lived)
    moment = str(time.time_ns() // 1000) if lived.is_sqlite else "now()"
    blob = f"x'{digest}'" if lived.is_sqlite else f"'\\x{digest}'"
    with lived.engine.begin() as connection:
        connection.exec_driver_sql(f"INSERT INTO flowstone_audit_floor VALUES (10, 1, {blob}, {moment})")
        connection.exec_driver_sql("DELETE FROM flowstone_audit_log WHERE seq = 3")
    assert [("deleted", 3)] == [(one.kind, one.seq) for one in lived.verify().alarms]


def test_retention_that_was_raised(lived: Story, tmp_path: Path) -> None:
    """What was pruned when entries were kept for a shorter time is not young by the rule of today."""
    rewrite(lived, lived.signer, 40 * DAY_US)
    lived.fill(3)
    pruned(lived, tmp_path / "old.jsonl")
    moment = str(time.time_ns() // 1000) if lived.is_sqlite else "now()"
    with lived.engine.begin() as connection:
        connection.exec_driver_sql(f"INSERT INTO flowstone_audit_floor VALUES (33, 365, NULL, {moment})")
    settle(lived)
    clean(lived)


def record(digest: str, **said: object) -> None:
    """Log a prune as if there had been one."""
    flowstone_audit.log(
        "audit.pruned", actor_id="ops", actor_type="user", action="prune", details={"sha256": digest, **said}
    )


def numbers(story: Story) -> list[int]:
    """Return the numbers of the entries."""
    with story.engine.connect() as connection:
        return list(connection.execute(text("SELECT seq FROM flowstone_audit_log ORDER BY seq")).scalars())


def test_erased_past_the_rules(lived: Story) -> None:
    """An erasure that no entry tells of is an alarm."""
    erase_past_the_rules(lived, "it's")
    assert [("modified", 5)] == [(one.kind, one.seq) for one in lived.verify().findings]
    assert [("modified", 5)] == [(one.kind, one.seq) for one in alone(lived, 5).findings]


def erase_past_the_rules(story: Story, request: str) -> None:
    """Erase entry 5, listed under a request, without an entry that tells of it."""
    moment = str(time.time_ns() // 1000) if story.is_sqlite else "now()"
    quoted = request.replace("'", "''")
    listed = f"SELECT id, '{quoted}', 'x', {moment} FROM flowstone_audit_log WHERE seq = 5"
    change = "client_ip = NULL, user_agent = NULL, private = NULL, nonce = NULL"
    with story.attacking() as connection:
        connection.exec_driver_sql(f"INSERT INTO flowstone_audit_erasure {listed}")
        connection.exec_driver_sql(f"UPDATE flowstone_audit_log SET {change} WHERE seq = 5")
        connection.commit()


def alone(story: Story, seq: int) -> Report:
    """Verify one entry."""
    options = Options(notes=tuple(story.notes), keys=(story.signer.verifier,))
    return single.verify(story.target, str(seq), options)


def test_spooled(lived: Story) -> None:
    """Entries that went through the spool, and a retry of it, raise no alarm."""
    for number in range(5):
        flowstone_audit.log(
            "rule.updated",
            actor_id="ann",
            actor_type="user",
            details={"n": number, "x": [1e22, -0.0, "\x00", "\ud800", 2**100]},
        )
    settle(lived)
    clean(lived)


def _ids(story: Story) -> str:
    held = "commitment IS NOT NULL ORDER BY seq"
    return f"SELECT {'lower(hex(id))' if story.is_sqlite else 'CAST(id AS text)'} FROM flowstone_audit_log WHERE {held}"


def settle(story: Story) -> None:
    """Take in what waits, seal it, and publish all checkpoints."""
    ingest.catch_up(5.0)
    sealing.seal_all(story.engine, story.signer)
    with story.engine.connect() as connection:
        story.notes[:] = connection.execute(
            text("SELECT note FROM flowstone_audit_seal ORDER BY first_leaf")
        ).scalars()
