from __future__ import annotations

import time
from pathlib import Path

from sqlalchemy import text

import flowstone_audit
from flowstone_audit import erasing, ingest, retention, sealing
from flowstone_audit.verifying.report import PROVEN
from plugins.audit.tests.verify.story import Story, clean, rewrite

DAY_US = 86_400_000_000


def test_erased(lived: Story) -> None:
    """Entries that were erased by the rules are counted, and raise no alarm."""
    with lived.engine.connect() as connection:
        ids = [str(one) for one in connection.execute(text(_ids(lived))).scalars()]
        plan = erasing.plan(connection, ids=ids[:5])
    erasing.erase(plan, request="ticket 7", by="ann")
    _settle(lived)
    report = lived.verify()
    assert ([], 5, PROVEN) == (report.findings, report.erased, report.code)
    clean(lived)


def test_pruned(lived: Story, tmp_path: Path) -> None:
    """Entries that were archived and deleted by the rules are counted, and raise no alarm; archive and seals go on."""
    rewrite(lived, lived.signer, 40 * DAY_US)
    lived.fill(3)
    with retention.snapshot() as connection:
        plan = retention.plan(connection, 30)
    retention.prune(tmp_path / "old.jsonl", plan, by="ann")
    _settle(lived)
    report = lived.verify()
    assert ([], 32, PROVEN) == (report.findings, report.pruned, report.code)
    clean(lived)


def test_pruned_past_the_rules(lived: Story) -> None:
    """A floor that no entry tells of, with entries deleted below it, is an alarm."""
    moment = str(time.time_ns() // 1000) if lived.is_sqlite else "now()"
    digest = "randomblob(32)" if lived.is_sqlite else "sha256('')"
    with lived.attacking() as connection:
        connection.execute(text(f"INSERT INTO flowstone_audit_floor VALUES (10, 1, {digest}, {moment})"))
        connection.execute(text("DELETE FROM flowstone_audit_log WHERE seq <= 10"))
        connection.commit()
    assert {"deleted": 1, "pruned early": 1} == lived.verify().counts


def test_erased_past_the_rules(lived: Story) -> None:
    """An erasure that no entry tells of is an alarm."""
    moment = str(time.time_ns() // 1000) if lived.is_sqlite else "now()"
    with lived.attacking() as connection:
        connection.execute(
            text(
                f"INSERT INTO flowstone_audit_erasure SELECT id, 'it''s', 'x', {moment} FROM flowstone_audit_log WHERE seq = 5"
            )
        )
        change = "client_ip = NULL, user_agent = NULL, private = NULL, nonce = NULL"
        connection.execute(text(f"UPDATE flowstone_audit_log SET {change} WHERE seq = 5"))
        connection.commit()
    assert [("modified", 5)] == [(one.kind, one.seq) for one in lived.verify().findings]


def test_spooled(lived: Story) -> None:
    """Entries that went through the spool, and a retry of it, raise no alarm."""
    for number in range(5):
        flowstone_audit.log(
            "rule.updated",
            actor_id="ann",
            actor_type="user",
            details={"n": number, "x": [1e22, -0.0, "\x00", "\ud800", 2**100]},
        )
    _settle(lived)
    clean(lived)


def _ids(story: Story) -> str:
    held = "commitment IS NOT NULL ORDER BY seq"
    return f"SELECT {'lower(hex(id))' if story.is_sqlite else 'CAST(id AS text)'} FROM flowstone_audit_log WHERE {held}"


def _settle(story: Story) -> None:
    """Take in what waits, seal it, and publish all checkpoints."""
    ingest.catch_up(5.0)
    sealing.seal_all(story.engine, story.signer)
    with story.engine.connect() as connection:
        story.notes[:] = connection.execute(
            text("SELECT note FROM flowstone_audit_seal ORDER BY first_leaf")
        ).scalars()
