"""`flowstone_audit.log`."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from time import monotonic, time_ns
from typing import Any

import pytest

import flowstone
import flowstone_audit
from flowstone.plugin import RunStart, stats
from flowstone.testing.capture import capture
from flowstone.testing.samples import sample
from flowstone_audit import canonical, recorder
from flowstone_audit.columns import to_microseconds
from flowstone_audit.plugin import AuditPlugin
from flowstone_audit.row import Row
from plugins.audit.tests.write.log_table import Log

WHO = {"actor_id": "ann", "actor_type": "user"}


def test_an_entry_is_in_the_database_when_log_returns(audit_log: Log) -> None:
    """What `log` returns is what the database holds, its place included."""
    entry = flowstone_audit.log(
        "rule.updated",
        actor_id="ann",
        actor_type="user",
        resource_type="rule",
        resource_id="r1",
        action="update",
        details={"from": 1, "to": 2},
        correlation_id="request-1",
        client_ip="10.0.0.1",
        user_agent="curl/8",
        outcome="success",
    )
    (row,) = audit_log.rows(caught_up=False)
    assert (entry.seq, entry.id, entry.row_hash) == (row["seq"], row["id"], row["row_hash"])
    assert (entry.inserted_at, entry.occurred_at) == (row["inserted_at"], row["occurred_at"])
    assert ("rule.updated", "ann", "user") == (row["event_type"], row["actor_id"], row["actor_type"])
    assert ('{"from":1,"to":2}', "request-1") == (row["details"], row["correlation_id"])
    assert ("10.0.0.1", "curl/8", "success") == (row["client_ip"], row["user_agent"], row["outcome"])


def test_hashes_are_those_of_the_canonical_form(audit_log: Log) -> None:
    """Row hash and commitment of what is stored can be computed from what is stored."""
    entry = flowstone_audit.log(
        "a.b",
        actor_id="ann",
        actor_type="user",
        client_ip="10.0.0.1",
        details={"x": 1e22, "y": -0.0, "z": 1 << 100},
    )
    (found,) = audit_log.rows(caught_up=False)
    values = {name: found[name] for name in Row._fields}
    moment = to_microseconds(found["occurred_at"])
    stored = Row(**{**values, "id": bytes.fromhex(found["id"]), "occurred_at": moment})
    assert entry.row_hash == canonical.row_hash(stored)
    assert entry.commitment == canonical.commitment(stored.nonce or b"", "10.0.0.1", None, None)
    assert '{"x":1e+22,"y":-0.0,"z":1267650600228229401496703205376}' == found["details"]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no actor": ({}, "actor_id is needed"),
    "empty actor": ({"actor_id": "", "actor_type": "user"}, "actor_id is needed"),
    "no type": ({"actor_id": "ann"}, "actor_type is needed"),
    "wrong type": ({"actor_id": "ann", "actor_type": "robot"}, "one of system, user, api"),
    "long id": ({**WHO, "resource_id": "x" * 1025}, "resource_id has 1025 characters; at most 1024"),
    "long details": (
        {**WHO, "details": {"x": "y" * 70_000}},
        "details take 70008 bytes as JSON; at most 65536",
    ),
    "no mapping": ({**WHO, "details": ["x"]}, "details have to be a mapping"),
    "number": ({**WHO, "resource_id": 7}, "resource_id has to be a text, not int"),
    "outcome": ({**WHO, "outcome": "good"}, "outcome has to be one of"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_malformed_is_refused_and_nothing_is_written(home: Path, case: str) -> None:
    """A missing, malformed or oversized field is named in the error, and no entry comes of it."""
    fields, message = REFUSED[case]
    with pytest.raises(flowstone_audit.EntryRefused, match=message):
        flowstone_audit.log("rule.updated", **fields)
    assert not (home / "audit.db").exists()
    assert not (home / "audit" / "spool").exists()


def test_details_are_made_clean(home: Path) -> None:
    """Secrets, cycles, numbers that are none and broken text become what JSON and both databases can hold."""
    cycle: dict[str, object] = {}
    cycle["self"] = cycle

    class Bad:
        def __repr__(self) -> str:
            raise RuntimeError

    flowstone_audit.log(
        "a.b",
        actor_id="ann",
        actor_type="user",
        details={
            "password": "p",
            "url": "postgres://u:pw@h/d",
            "nan": float("nan"),
            "b": b"\x00\xff",
            "c": cycle,
            "s": "\ud800",
            "n": "a\0b",
            "bad": Bad(),
            "five": {"set": {1}},
        },
    )
    (row,) = Log().rows()
    text = row["details"]
    assert '"password":"[redacted]"' in text
    assert "pw@" not in text
    assert '"nan":"nan","b":"00ff"' in text
    assert '"s":"\\\\ud800","n":"a␀b"' in text
    assert '"bad":"<Bad whose text raised RuntimeError>","five":{"set":[1]}' in text


def test_private_details_are_held_apart(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Details under a key that is declared private are not among the hashed ones, but under the commitment."""
    monkeypatch.setenv("FLOWSTONE_AUDIT_PRIVATE", "email,phone")
    flowstone_audit.log(
        "a.b", actor_id="ann", actor_type="user", details={"email": "ann@example.org", "plan": "x"}
    )
    (row,) = Log().rows()
    assert ('{"plan":"x"}', '{"email":"ann@example.org"}') == (row["details"], row["private"])
    assert 32 == len(row["nonce"]) == len(row["commitment"])


def test_private_details_of_the_same_name_are_both_kept(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One at the top and one among attributes stand apart in what is held privately, as they did before."""
    monkeypatch.setenv("FLOWSTONE_AUDIT_PRIVATE", "email")
    given = {"email": "ann@a", "attributes": {"email": "bob@b", "plan": "x"}}
    entry = flowstone_audit.log("a.b", actor_id="ann", actor_type="user", details=given)
    assert {"email": "ann@a", "attributes": {"email": "bob@b"}} == entry.private
    assert {"attributes": {"plan": "x"}} == entry.details


@pytest.mark.parametrize("shared", ["cycle", "text", "bytes"])
def test_values_that_unfold_without_end_are_refused_at_once(home: Path, shared: str) -> None:
    """Objects that point at one another, or at the same long text, cost no more than details may take."""
    parent: dict[str, Any] = {}
    leaf: Any = {"cycle": parent, "text": "x" * 50_000, "bytes": b"x" * 50_000}[shared]
    parent["children"] = [{"name": f"child {n}", "of": leaf} for n in range(20)]
    begun = monotonic()
    with pytest.raises(flowstone_audit.EntryRefused, match="details take more than"):
        flowstone_audit.log("a.b", actor_id="ann", actor_type="user", details={"order": parent})
    assert monotonic() - begun < 2


@pytest.mark.parametrize("given", [{"n": [7] * 32_000}, {"text": "x" * 65_000}])
def test_all_that_fits_is_kept(home: Path, given: dict[str, Any]) -> None:
    """What bounds the work cuts nothing that may be kept, however many values it has."""
    entry = flowstone_audit.log("a.b", actor_id="ann", actor_type="user", details=given)
    assert given == entry.details


def test_an_entry_belongs_to_the_operation_around_it(home: Path) -> None:
    """Trace, span, correlation and run id are the operation's; its span carries the entry's id."""
    with capture(AuditPlugin()) as captured:
        with (
            flowstone.run("nightly", correlation_id="c-1", run_id="r-1"),
            flowstone.materialization("orders") as work,
        ):
            entry = flowstone_audit.log("rule.updated", actor_id="ann", actor_type="user")
        assert ("c-1", work.trace_id, "r-1") == (entry.correlation_id, entry.trace_id, entry.run_id)
        assert f"{work.span_id:016x}" == entry.span_id
        marks = captured.span("materialize orders").events
        assert [("audit", {"flowstone.audit.id": entry.id})] == [
            (one.name, dict(one.attributes)) for one in marks
        ]
        told = captured.one("audit.logged")
        assert (entry.id, "c-1", work.trace_id) == (
            getattr(told, "entry_id", ""),
            told.correlation_id,
            told.trace_id,
        )


def test_an_entry_outside_of_everything_has_ids_too(home: Path) -> None:
    """Without an operation the entry and its event share a trace of their own."""
    with capture(AuditPlugin()) as captured:
        entry = flowstone_audit.log("rule.updated", actor_id="ann", actor_type="user")
        told = captured.one("audit.logged")
    assert (entry.trace_id, entry.correlation_id) == (told.trace_id, told.correlation_id)
    assert [entry.id] == [row["id"] for row in Log().rows()], "its event made no entry"


def test_the_actor_may_come_from_around(home: Path) -> None:
    """Inside of `actor(...)` nobody has to be named again."""
    with flowstone_audit.actor("bob", type="api", client_ip="10.1.1.1", correlation_id="q-9"):
        entry = flowstone_audit.log("rule.updated")
    assert ("bob", "api", "10.1.1.1", "q-9") == (
        entry.actor_id,
        entry.actor_type,
        entry.client_ip,
        entry.correlation_id,
    )


def test_calls_at_once_share_commits_and_lose_nothing(audit_log: Log) -> None:
    """Of many threads each gets its own entry, durable, with ordinals that have no gap."""
    flowstone_audit.log("a.first", actor_id="ann", actor_type="user")
    entries: list[flowstone_audit.AuditEntry] = []

    def work(number: int) -> None:
        entries.extend(
            flowstone_audit.log("a.b", actor_id="ann", actor_type="user", resource_id=f"{number}-{n}")
            for n in range(20)
        )

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = audit_log.rows()
    assert {entry.id for entry in entries} == {row["id"] for row in rows if row["event_type"] == "a.b"}
    assert list(range(1, 162)) == sorted(row["ordinal"] for row in rows)
    assert all(
        entry.resource_id == row["resource_id"] for entry in entries for row in rows if row["id"] == entry.id
    )
    assert all(
        row["seq"] == entry.seq for entry in entries if entry.seq for row in rows if row["id"] == entry.id
    )


def test_time_that_steps_back_does_not_reorder_a_writer(home: Path) -> None:
    """Where the clock is set back, `occurred_at` of the writer's entries stays, in a batch and from one to the next."""
    keeper = recorder.current()
    for batch in ([100, 50, 101], [99, 102]):
        keeper.gather([replace(sample(RunStart), time=second * 1_000_000_000) for second in batch])
        keeper.settle()
    found = [(row["ordinal"], row["occurred_at"].timestamp()) for row in Log().rows()]
    assert [(1, 100), (2, 100), (3, 101), (4, 101), (5, 102)] == found


def test_a_time_far_ahead_carries_nothing_along(home: Path) -> None:
    """An event that a host tells of the future is told of now, and entries after it keep their times."""
    keeper = recorder.current()
    now = time_ns()
    keeper.gather([replace(sample(RunStart), time=at) for at in (now + 3600 * 10**9, now + 5 * 10**9)])
    keeper.settle()
    assert all(row["occurred_at"].timestamp() < now / 1e9 + 3 for row in Log().rows())


def test_switched_off_it_writes_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `FLOWSTONE_AUDIT_URL=off` calls go on, leave nothing, and are counted."""
    monkeypatch.setenv("FLOWSTONE_AUDIT_URL", "off")
    before = stats().get("audit.off", 0)
    entry = flowstone_audit.log("a.b", actor_id="ann", actor_type="user")
    assert entry.seq is None
    assert before + 1 == stats()["audit.off"]
    assert not (home / "audit").exists()
