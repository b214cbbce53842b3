"""Lifecycle events become entries by themselves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import flowstone
from flowstone.plugin import CheckpointApproved, Event, RunStart, dicts_of, encode_many, event
from flowstone.testing.capture import capture
from flowstone.testing.feeding import feed
from flowstone.testing.samples import sample
from flowstone_audit import events, limits
from flowstone_audit.mapping import row_of, row_of_spooled
from flowstone_audit.plugin import AuditPlugin
from flowstone_audit.policy import Failures, Policy
from flowstone_audit.spool import rows
from plugins.audit.tests.write.log_table import Log


def test_what_happens_in_a_run_is_in_the_log(audit_log: Log) -> None:
    """Runs, materializations and checkpoints are audited, loads and stores are not; each with its resource."""
    with capture(AuditPlugin()):
        with (
            flowstone.run("nightly", run_id="r-1"),
            flowstone.materialization("orders", partition="2025-01-15"),
        ):
            with flowstone.io_load("raw", io_manager="s3"):
                pass
            gate = flowstone.checkpoint("publish").request()
        gate.approve(actor="ann", reason="fine")
    found = [
        (
            row["event_type"],
            row["resource_type"],
            row["resource_id"],
            row["action"],
            row["outcome"],
            row["actor_id"],
        )
        for row in audit_log.rows()
    ]
    assert [
        ("run.start", "run", "r-1", "start", "started", "python/nightly"),
        ("materialization.start", "asset", "orders", "start", "started", "python/nightly"),
        ("checkpoint.requested", "checkpoint", "publish", "requested", None, "python/nightly"),
        ("materialization.stop", "asset", "orders", "stop", "success", "python/nightly"),
        ("run.stop", "run", "r-1", "stop", "success", "python/nightly"),
        ("checkpoint.approved", "checkpoint", "publish", "approved", None, "ann"),
    ] == found


def test_the_event_is_the_entry(audit_log: Log) -> None:
    """An entry has its event's id, trace, span, run and correlation id."""
    with capture(AuditPlugin()) as captured:
        with flowstone.run("nightly", run_id="r-1", correlation_id="c-1"):
            pass
        told = {one.id: one for one in captured.events}
    for row in audit_log.rows():
        one = told[row["id"]]
        assert (one.trace_id, one.span_id, "r-1", "c-1") == (
            row["trace_id"],
            row["span_id"],
            row["run_id"],
            row["correlation_id"],
        )


def test_a_replay_adds_nothing(audit_log: Log) -> None:
    """The same events seen twice, here or by another process, are one entry each."""
    batch = [sample(RunStart), sample(CheckpointApproved)]
    with capture(AuditPlugin()) as captured:
        for _ in range(3):
            feed(captured.engine, batch)
        first = audit_log.rows()
        feed(captured.engine, batch)
    assert [one.id for one in batch] == [row["id"] for row in first]
    assert first == audit_log.rows()


def test_own_events_make_no_entries(home: Path) -> None:
    """Events of the audit log itself are not audited, or each entry would make the next."""
    with capture(AuditPlugin()) as captured:
        own = [events.AuditLogged, events.AuditSealed, events.AuditGap, events.AuditTampered]
        feed(captured.engine, [sample(cls) for cls in own])
    assert not (home / "audit" / "spool").exists()


def test_events_of_other_plugins_are_audited(home: Path) -> None:
    """What a plugin adds to the catalogue is audited without further code; its first text names the resource."""

    @event(subject="quality")
    class QualityChecked(Event):
        """Checked."""

        rule: str
        passed: bool = True

    one = sample(QualityChecked, "not_null")
    assert isinstance(one, QualityChecked)
    one = replace(one, passed=False)
    row = row_of(one, 1, "h/1/00000000")
    assert ("quality.checked", "quality", "not_null", "checked") == row[2:3] + row[5:8]
    assert '"passed":false' in row.details


def test_what_is_too_long_is_cut_with_a_mark(home: Path) -> None:
    """No event is refused: names and details that are too long are cut, and say so."""
    huge = sample(RunStart, "x" * 900)
    row = row_of(huge, 1, "h/1/00000000")
    assert limits.NAME == len(row.run_id or "")
    assert (row.run_id or "").endswith("…[cut]")
    many = {f"key{n}": "v" * 4000 for n in range(100)}
    row = row_of(replace(huge, attributes=many), 1, "h/1/00000000")
    assert len(row.details.encode()) <= limits.DETAILS
    assert "bytes cut]" in row.details


def test_what_is_held_privately_is_cut_as_well(home: Path) -> None:
    """A private attribute that is too long for a line of the spool costs itself, not the event."""
    huge = replace(sample(RunStart), attributes={"email": "x" * (2 << 20), "plan": "y"})
    row = row_of(huge, 1, "h/1/00000000", private=frozenset({"email"}))
    assert len((row.private or "").encode()) <= limits.DETAILS
    assert "bytes cut]" in (row.private or "")
    assert '"plan":"y"' in row.details
    assert row == rows.decode(rows.encode(row))


def test_the_spool_holds_what_the_event_says(home: Path) -> None:
    """A row made of the event's JSON is the row made of the event."""
    one = sample(CheckpointApproved)
    direct = row_of(one, 7, "h/1/00000000")
    assert direct == row_of_spooled(
        dicts_of(encode_many([one]))[0], 7, "h/1/00000000", one.time // 1000, frozenset()
    )


def test_policies_are_by_name_and_the_first_that_fits_counts() -> None:
    """Patterns decide; what none names is as by default; the plugin's own events are always off."""
    policy = Policy("run.*=off, checkpoint.requested=durable")
    wanted = {
        "run.start": "off",
        "checkpoint.requested": "durable",
        "checkpoint.approved": "durable",
        "io.load.stop": "off",
        "materialization.stop": "batched",
        "audit.logged": "off",
    }
    assert wanted == {name: policy[name] for name in wanted}


def test_failures_raise_only_to_who_waits() -> None:
    """Without a setting, who waits is told; what nobody waits for is held back."""
    assert ["raise", "spool"] == [Failures().of("a.b", waiting=waits) for waits in (True, False)]
    assert ["drop", "drop"] == [Failures("a.*=drop").of("a.b", waiting=waits) for waits in (True, False)]


@pytest.mark.parametrize("text", ["io.*", "io.*=never", "=off", "a*b=off"])
def test_a_malformed_policy_says_so(text: str) -> None:
    """The message names the setting and what it should look like."""
    with pytest.raises(ValueError, match="FLOWSTONE_AUDIT_POLICY: "):
        Policy(text)
