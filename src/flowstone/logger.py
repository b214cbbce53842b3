"""Log lines of lifecycle moments for code that does not use operations, with the caller's ids."""

from __future__ import annotations

import logging
from typing import Final

import orjson

from flowstone.runtime import coerce, engine, roots
from flowstone.runtime.context import get_context

__all__ = [
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


def configure_json(level: int = logging.INFO) -> None:
    """Write flowstone's log lines to standard error as they are: one JSON object a line."""
    if not any(getattr(handler, "_flowstone", False) for handler in _LOGGER.handlers):
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(message)s"))
        handler._flowstone = True  # type: ignore[attr-defined]
        _LOGGER.addHandler(handler)
        _LOGGER.propagate = False
    _LOGGER.setLevel(level)


def _log(level: int, event: str, **fields: object) -> None:
    if not _LOGGER.isEnabledFor(level):
        return
    ids: dict[str, object] = {}
    if engine.ensure():
        scope, span_id = roots.scope_in(get_context(), event)
        ids = {
            "run_id": scope.run_id,
            "correlation_id": scope.correlation_id,
            "trace_id": scope.trace_hex,
            "span_id": f"{span_id:016x}" if span_id else None,
        }
    given = {key: coerce.value(value) for key, value in fields.items() if value not in (None, "")}
    line = {"event": event, **ids, **given}
    _LOGGER.log(level, "%s", orjson.dumps({k: v for k, v in line.items() if v is not None}).decode())
