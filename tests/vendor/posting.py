"""OTLP as JSON, written by hand: what other instrumentation may send, and flowstone never would."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from typing import Any

Json = dict[str, Any]


def attributes(values: Mapping[str, object]) -> list[Json]:
    """Return *values* as OTLP writes attributes."""
    return [{"key": key, "value": _value(value)} for key, value in values.items()]


def _value(value: object) -> Json:
    if isinstance(value, Mapping):
        return {"kvlistValue": {"values": attributes(value)}}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(one) for one in value]}}
    return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}


def span(number: int, name: str = "third", **more: Any) -> Json:
    """Return a span that has ended just now."""
    now = time.time_ns()
    ids = {"traceId": f"{number + 1:032x}", "spanId": f"{number + 1:016x}"}
    return {
        **ids,
        "name": name,
        "kind": 1,
        "startTimeUnixNano": str(now - 10),
        "endTimeUnixNano": str(now),
        **more,
    }


def total(name: str, temporality: int, **more: Any) -> Json:
    """Return a sum of one, of deltas (1) or cumulative (2)."""
    now = time.time_ns()
    point = {"startTimeUnixNano": str(now - 1000), "timeUnixNano": str(now), "asInt": "1", **more}
    held = {"aggregationTemporality": temporality, "isMonotonic": True, "dataPoints": [point]}
    return {"name": name, "sum": held}


def traces(spans: Iterable[Json], **resource: object) -> Json:
    """Return a request with these spans of one process."""
    return {"resourceSpans": [{**_of(resource), "scopeSpans": [{**_scope(), "spans": list(spans)}]}]}


def metrics(found: Iterable[Json], **resource: object) -> Json:
    """Return a request with these metrics of one process."""
    return {"resourceMetrics": [{**_of(resource), "scopeMetrics": [{**_scope(), "metrics": list(found)}]}]}


def logs(records: Iterable[Json], **resource: object) -> Json:
    """Return a request with these log records of one process."""
    return {"resourceLogs": [{**_of(resource), "scopeLogs": [{**_scope(), "logRecords": list(records)}]}]}


def _of(resource: Mapping[str, object]) -> Json:
    named = {key.replace("__", "."): value for key, value in resource.items()}
    return {"resource": {"attributes": attributes({"service.name": "third", **named})}}


def _scope() -> Json:
    return {"scope": {"name": "third"}}


def post(endpoint: str, signal: str, request: Json) -> int:
    """Send *request*, and return the status of the answer."""
    asked = urllib.request.Request(
        f"{endpoint}/v1/{signal}", json.dumps(request).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(asked, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
