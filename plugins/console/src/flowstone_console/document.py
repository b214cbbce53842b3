"""The timeline as one JSON document, for programs.

Times are Unix nanoseconds, durations nanoseconds; what is not known is null. Version 1::

    {
      "schema": "flowstone.trace/1",
      "id": str, "matched": "correlation_id" | "trace_id" | "run_id",
      "failed": bool,
      "traces": [{
        "trace_id": str, "correlation_ids": [str], "run_ids": [str], "pipelines": [str], "orchestrators": [str],
        "state": STATE | null, "start": int, "duration": int,
        "nodes": [NODE], "points": [POINT], "completeness": COMPLETENESS,
        "events": [EVENT]                        # with --events, in the form of the event codec
      }],
      "completeness": COMPLETENESS               # the sum
    }
    STATE         "success" "skip" "running" "cancellation" "timeout" "failure" "error" "abandoned"
    NODE          {"span_id", "parent_id", "kind", "title", "partition", "detail": str, "state": STATE,
                   "start": int, "end": int | null, "last_seen": int | null, "duration": int,
                   "size_bytes": int | null, "rows": int | null, "error": ERROR | null,
                   "process": {"host", "boot_id": str, "pid", "start_time": int} | null,
                   "mark": "" | "missing parent" | "parent cycle" | "too deep",
                   "points": [POINT], "children": [NODE]}
    POINT         {"event", "title": str, "time": int, "duration": int | null, "healthy": bool | null,
                   "error": ERROR | null, "token": str}  # of a checkpoint that waits for a decision
    ERROR         {"type", "message", "stack": str}
    COMPLETENESS  {"spans", "events", "dropped", "unexported", "abandoned", "running", "duplicates", "orphans": int}

The list of traces is ``{"schema": "flowstone.traces/1", "traces": [{"trace_id", "run_id", "correlation_id",
"pipeline", "orchestrator": str, "state": STATE | null, "start", "duration": int}]}``.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from flowstone.plugin import to_dict
from flowstone_console.model import Timeline, Trace
from flowstone_console.reader import Recent


def timeline_json(timeline: Timeline, *, events: bool = False) -> str:
    """Return *timeline* as the document above."""
    return _text(
        {
            "schema": "flowstone.trace/1",
            "id": timeline.id,
            "matched": timeline.matched,
            "failed": timeline.failed,
            "traces": [_trace(trace, events) for trace in timeline.traces],
            "completeness": timeline.completeness,
        }
    )


def recent_json(traces: Sequence[Recent]) -> str:
    """Return the list of traces as the document above."""
    return _text({"schema": "flowstone.traces/1", "traces": list(traces)})


def _trace(trace: Trace, events: bool) -> dict[str, object]:
    made: dict[str, object] = {
        "trace_id": trace.trace_id,
        "correlation_ids": trace.correlation_ids,
        "run_ids": trace.run_ids,
        "pipelines": trace.pipelines,
        "orchestrators": trace.orchestrators,
        "state": trace.state,
        "start": trace.start,
        "duration": trace.duration,
        "nodes": trace.nodes,  # dataclasses whose fields are the document's keys
        "points": trace.points,
        "completeness": trace.completeness,
    }
    if events:
        made["events"] = [to_dict(event) for event in trace.events]
    return made


def _text(document: dict[str, object]) -> str:
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()
