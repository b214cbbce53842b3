"""JSON logging: ids on every record, and lines of lifecycle moments for code that does not use operations."""

from __future__ import annotations

import logging
from time import time_ns
from typing import Final

import orjson
from opentelemetry import trace

from flowstone.face.line_pieces import rfc3339
from flowstone.face.log_ids import IdFilter
from flowstone.face.log_setup import configure_json
from flowstone.runtime import coerce, engine, roots
from flowstone.runtime.context import get_context, operation_in

__all__ = [
    "IdFilter",
    "configure_json",
    "log_checkpoint_pending",
    "log_materialization_complete",
    "log_materialization_failed",
    "log_materialization_start",
]

_LOGGER: Final = logging.getLogger("flowstone.events")


def log_materialization_start(asset: str, partition: object = None, run_id: str = "") -> None:
    """Log that a materialization starts."""
    _log(logging.INFO, "materialization.start", asset=asset, partition=partition, run_id=run_id)


def log_materialization_complete(
    asset: str, partition: object = None, run_id: str = "", duration_ms: float = 0.0
) -> None:
    """Log that a materialization ended well, after *duration_ms* milliseconds."""
    _log(
        logging.INFO,
        "materialization.stop",
        asset=asset,
        partition=partition,
        run_id=run_id,
        duration_ms=duration_ms,
    )


def log_materialization_failed(
    asset: str, partition: object = None, run_id: str = "", error: object = None
) -> None:
    """Log that a materialization failed with *error*."""
    _log(
        logging.ERROR,
        "materialization.exception",
        asset=asset,
        partition=partition,
        run_id=run_id,
        error_type=type(error).__name__ if isinstance(error, BaseException) else None,
        error_message=error,
    )


def log_checkpoint_pending(checkpoint: str, approval_id: str) -> None:
    """Log that a checkpoint waits for a decision."""
    _log(logging.INFO, "checkpoint.requested", checkpoint=checkpoint, approval_id=approval_id)


def _log(level: int, event: str, **fields: object) -> None:
    if not _LOGGER.isEnabledFor(level):
        return
    ids: dict[str, object] = {}
    context = get_context()
    # Outside of everything there is nothing that two lines could have in common but what the caller gives.
    if engine.ensure() and (
        operation_in(context) is not None or trace.get_current_span(context).get_span_context().is_valid
    ):
        scope, span_id = roots.scope_in(context, event)
        ids = {
            "run_id": scope.run_id,
            "correlation_id": scope.correlation_id,
            "trace_id": scope.trace_hex,
            "span_id": f"{span_id:016x}" if span_id else None,
        }
    given = {key: coerce.value(value) for key, value in fields.items() if value not in (None, "")}
    head = {"timestamp": rfc3339(time_ns()), "severity": logging.getLevelName(level), "event": event}
    line = {**head, **ids, **given}
    _LOGGER.log(level, "%s", orjson.dumps({k: v for k, v in line.items() if v is not None}).decode())
