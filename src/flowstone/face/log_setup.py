"""JSON logging of a whole process in one call."""

from __future__ import annotations

import logging
import sys
from typing import Final, TextIO

from pythonjsonlogger.orjson import OrjsonFormatter

from flowstone.face.line_pieces import one_line, rfc3339
from flowstone.face.log_handler import LOGGER
from flowstone.face.log_ids import IdFilter
from flowstone.telemetry import attach_default_handlers

_MARK: Final = "_flowstone_json"


class _Lines(OrjsonFormatter):
    """One JSON object per record: timestamp, severity, logger, message, ids, and what ``extra=`` brought."""

    def __init__(self) -> None:
        super().__init__(
            "%(levelname)s %(name)s %(message)s", rename_fields={"levelname": "severity", "name": "logger"}
        )

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of *record*, one line whatever is in it."""
        return one_line(super().format(record))

    def add_fields(
        self, log_data: dict[str, object], record: logging.LogRecord, message_dict: dict[str, object]
    ) -> None:
        """Put the timestamp first, in the form that lifecycle lines have."""
        log_data["timestamp"] = rfc3339(int(record.created * 1e9))
        super().add_fields(log_data, record, message_dict)


def configure_json(level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Write all log records of the process as JSON lines, with the ids of the operation they come from.

    Lifecycle events are lines of their own, one per event. Calling it again changes level and stream.

    Args:
        level: Records below it are not written.
        stream: Where to; standard error if not given.
    """
    target = stream or sys.stderr
    root = logging.getLogger()
    for logger in (root, LOGGER):
        for handler in [one for one in logger.handlers if getattr(one, _MARK, False)]:
            logger.removeHandler(handler)
    # Lifecycle lines are rendered already; a second formatter would quote them.
    root.addHandler(_handler(target, _Lines()))
    LOGGER.addHandler(_handler(target, logging.Formatter("%(message)s")))
    LOGGER.propagate = False
    root.setLevel(level)
    LOGGER.setLevel(level)
    attach_default_handlers()


def _handler(stream: TextIO, formatter: logging.Formatter) -> logging.Handler:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    if isinstance(formatter, _Lines):
        handler.addFilter(IdFilter())
    setattr(handler, _MARK, True)
    return handler
