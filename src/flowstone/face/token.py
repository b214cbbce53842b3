"""The token of a checkpoint request: all that is needed to decide it elsewhere."""

from __future__ import annotations

import base64

import orjson

from flowstone.runtime.scope import Scope


def write(name: str, scope: Scope, span_id: int, requested_at: int, timeout: float | None) -> str:
    """Return the token of a request as URL-safe text.

    Args:
        name: The gate's name.
        scope: The run that asks.
        span_id: Span of the request.
        requested_at: Unix nanoseconds.
        timeout: Seconds, or None.
    """
    held = {
        "v": 1,
        "n": name,
        "t": scope.trace_hex,
        "s": f"{span_id:016x}",
        "c": scope.correlation_id,
        "r": scope.run_id,
        "p": scope.pipeline,
        "o": scope.orchestrator,
        "at": requested_at,
        "to": timeout,
    }
    return base64.urlsafe_b64encode(orjson.dumps(held)).rstrip(b"=").decode()
