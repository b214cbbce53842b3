"""Whether two records of the demo's runs tell the same truth about what was materialized."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

Document = dict[str, Any]


class Materialization(NamedTuple):
    """An attempt at an asset.

    Attributes:
        span_id: Its span.
        asset: What it was to make.
        partition: Of which partition, as text.
        end: How it ended: ``success``, ``failure``, or another word of the trace; empty if nothing is told.
    """

    span_id: str
    asset: str
    partition: str
    end: str

    def __str__(self) -> str:
        of = f"{self.asset} [{self.partition}]" if self.partition else self.asset
        return f"{of} {self.end or 'without an end'}"


def traced(trace: Document) -> set[Materialization]:
    """Return the materializations in the document of ``flowstone trace --json``."""
    return {
        Materialization(
            node["span_id"], node["title"].partition(" ")[2], str(node["partition"]), node["state"]
        )
        for one in trace["traces"]
        for node in nodes(one["nodes"])
        if node["kind"] == "materialization"
    }


def audited(entries: list[Document]) -> set[Materialization]:
    """Return the materializations in entries of ``flowstone audit log --json``; each has to have a start."""
    started: set[tuple[str, str, str]] = set()
    ended: dict[tuple[str, str, str], str] = {}
    for entry in entries:
        if not entry["event_type"].startswith("materialization."):
            continue
        partition = entry["details"].get("partition")
        one = (entry["span_id"], entry["resource_id"], "" if partition is None else str(partition))
        if entry["outcome"] == "started":
            started.add(one)
        else:
            ended[one] = entry["outcome"]
    return {Materialization(*one, ended.get(one, "")) for one in started} | {
        Materialization(*one, f"{end} without a start") for one, end in ended.items() if one not in started
    }


def disagreements(trace: Document, entries: list[Document], asset: str | None = None) -> list[str]:
    """Return which materializations only one of trace and audit log tells of; nothing as a rule.

    Args:
        trace: The document of ``flowstone trace --json``.
        entries: Those of ``flowstone audit log --json`` or ``flowstone audit history --json``.
        asset: Whose materializations are compared; those of all if not given.
    """
    seen, kept = (
        {one for one in found if asset in (None, one.asset)} for found in (traced(trace), audited(entries))
    )
    where = "the audit log" if asset is None else f"the audit log's history of {asset}"
    return [
        *(f"{where} does not tell of: {one}" for one in sorted(seen - kept)),
        *(f"the trace does not tell of what {where} does: {one}" for one in sorted(kept - seen)),
    ]


def nodes(of: list[Document]) -> Iterator[Document]:
    """Yield all operations of a trace."""
    for node in of:
        yield node
        yield from nodes(node["children"])
