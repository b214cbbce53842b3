"""Whether the trace tells what the demo's runs have done; a failure that it must tell is none of the demo."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flowstone_dagster.demo.agreement import nodes
from flowstone_dagster.demo.jobs import DELAYS, FAULTY, STEPS, WEATHER

Document = dict[str, Any]


def problems(document: Document) -> list[str]:
    """Return what is wrong with the document of ``flowstone trace --json``; nothing as a rule."""
    traces = {name: trace for trace in document["traces"] for name in trace["pipelines"]}
    found = [f"no trace of the job {name}" for name in (DELAYS, WEATHER) if name not in traces]
    if DELAYS in traces:
        found += _of_delays(traces[DELAYS])
    if WEATHER in traces:
        found += _of_weather(traces[WEATHER])
    gaps = {name: document["completeness"][name] for name in ("dropped", "abandoned", "running", "orphans")}
    return found + [f"the trace has {number} {name}" for name, number in gaps.items() if number]


def _of_delays(trace: Document) -> Iterator[str]:
    found = list(nodes(trace["nodes"]))
    failed = [node["title"] for node in found if node["state"] == "failure"]
    if sorted([f"run {DELAYS}", f"materialize {FAULTY}"]) != sorted(failed):
        yield f"{FAULTY} alone was to fail in {DELAYS}, and did: {', '.join(failed) or 'nothing'}"
    told = {point["event"] for node in found for point in node["points"]}
    yield from (
        f"nothing of {name}" for name in ("checkpoint.requested", "checkpoint.approved") if name not in told
    )


def _of_weather(trace: Document) -> Iterator[str]:
    found = list(nodes(trace["nodes"]))
    if trace["state"] != "success":
        yield f"{WEATHER} was to succeed: {trace['state']}"
    processes = {node["process"]["pid"] for node in found if node["process"]}
    if len(processes) != STEPS + 1:
        yield f"{WEATHER} was to take {STEPS + 1} processes: {len(processes)}"
