from __future__ import annotations

from typing import Any

from flowstone_dagster.demo.agreement import disagreements


def trace(*nodes: dict[str, Any]) -> dict[str, Any]:
    """Return a document of `flowstone trace --json` with one run of these operations."""
    run = {"kind": "run", "title": "run r", "span_id": "0", "partition": "", "state": "success"}
    return {"traces": [{"nodes": [{**run, "children": list(nodes)}]}]}


def node(span_id: str, asset: str, state: str, kind: str = "materialization") -> dict[str, Any]:
    """Return an operation as a trace tells it."""
    title = f"materialize {asset}"
    return {
        "kind": kind,
        "title": title,
        "span_id": span_id,
        "partition": "2013-01",
        "state": state,
        "children": [],
    }


def entry(span_id: str, asset: str, outcome: str) -> dict[str, Any]:
    """Return an entry as the audit log tells it."""
    name = {"started": "start", "success": "stop", "failure": "exception"}[outcome]
    return {
        "event_type": f"materialization.{name}",
        "span_id": span_id,
        "resource_id": asset,
        "outcome": outcome,
        "details": {"partition": "2013-01"},
    }


BOTH = [entry("1", "a", "started"), entry("1", "a", "success")]


def test_the_same_truth_is_no_disagreement() -> None:
    """Starts and ends that belong together agree with the trace, whatever else stands in either."""
    other = {**entry("9", "x", "success"), "event_type": "run.stop"}
    assert [] == disagreements(
        trace(node("1", "a", "success"), node("2", "a", "success", "io.load")), [*BOTH, other]
    )


def test_what_the_audit_log_lacks_is_told() -> None:
    """A materialization that only the trace has is named, with its end."""
    assert ["the audit log does not tell of: b [2013-01] failure"] == disagreements(
        trace(node("1", "a", "success"), node("2", "b", "failure")), BOTH
    )


def test_what_the_trace_lacks_is_told() -> None:
    """A materialization that only the audit log has is named, with its end."""
    assert ["the trace does not tell of what the audit log does: a [2013-01] success"] == disagreements(
        trace(), BOTH
    )


def test_another_end_is_told_by_both() -> None:
    """A success here and a failure there are two different truths."""
    assert 2 == len(disagreements(trace(node("1", "a", "failure")), BOTH))


def test_an_end_without_a_start_is_no_materialization() -> None:
    """An entry of the end does not stand for the missing one of the start."""
    found = disagreements(trace(node("1", "a", "success")), BOTH[1:])
    assert "the trace does not tell of what the audit log does: a [2013-01] success without a start" in found


def test_of_one_asset_the_others_are_not_asked() -> None:
    """The history of an asset is held against the trace of that asset only."""
    seen = trace(node("1", "a", "success"), node("2", "b", "failure"))
    assert [] == disagreements(seen, BOTH, "a")
    assert ["the audit log's history of b does not tell of: b [2013-01] failure"] == disagreements(
        seen, [], "b"
    )
