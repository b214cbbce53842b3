"""Keeps the exporters' own log lines out of the user's log: one line a minute, and no tracebacks.

Only what is logged on our export threads is held back. The same loggers stay as loud as they are
for exporters that the user built.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Final

from opentelemetry import context

_LOGGERS: Final = (
    "opentelemetry.configuration.file._loader",
    "opentelemetry.exporter.otlp.common.http",
    "opentelemetry.exporter.otlp.proto.common._internal",
    "opentelemetry.exporter.otlp.proto.grpc.exporter",
    "opentelemetry.exporter.otlp.proto.http._log_exporter",
    "opentelemetry.exporter.otlp.proto.http.metric_exporter",
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
)
_KEYS: Final = ("_SUPPRESS_INSTRUMENTATION_KEY", "_SUPPRESS_HTTP_INSTRUMENTATION_KEY")
WARN_EVERY: Final = 60.0

_ours = threading.local()
_logger = logging.getLogger("flowstone")
_last = float("-inf")


def _not_ours(_: logging.LogRecord) -> bool:
    return not getattr(_ours, "quiet", False)


@contextmanager
def quietly() -> Iterator[None]:
    """Run a block without log lines of exporters, and without spans of instrumented HTTP libraries."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_not_ours)  # adds it once
    current = context.get_current()
    for key in _KEYS:
        current = context.set_value(str(getattr(context, key, key)), True, current)
    token = context.attach(current)
    _ours.quiet = True
    try:
        yield
    finally:
        _ours.quiet = False
        context.detach(token)


def warn(message: str, *args: object, clock: Callable[[], float] = monotonic) -> None:
    """Log one warning, unless there was one within the last minute."""
    global _last
    now = clock()
    if now - _last >= WARN_EVERY:
        _last = now
        _logger.warning(message, *args)
