"""The default handler: one JSON line per event, through stdlib logging, written batch by batch."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Final

from flowstone.catalogue.event import Event
from flowstone.face.log_lines import LEVELS, Line, lines_of

LOGGER: Final = logging.getLogger("flowstone.events")
_PLAIN: Final = (logging.StreamHandler, logging.FileHandler)

_ENOUGH: Final = 128  # a file takes that many in the tenth of a millisecond


class JsonLines:
    """Logs events, each at the level of its severity."""

    def __init__(self) -> None:
        self._lines: list[Line] = []

    def __call__(self, event: Event) -> None:
        """Log one event."""
        self.batch([event])
        self.settle()

    def batch(self, events: Sequence[Event]) -> None:
        """Gather the lines of events."""
        wanted = {severity for severity, level in LEVELS.items() if LOGGER.isEnabledFor(level)}
        if wanted:
            self._lines += lines_of(events, wanted)
        if len(self._lines) >= _ENOUGH:
            self.settle()

    def settle(self) -> None:
        """Write what was gathered at once: a log record for each event costs ten times its line."""
        lines, self._lines = self._lines, []
        if not lines:
            return
        for handler in _handlers():
            if _is_plain(handler) and not LOGGER.filters:
                _write(handler, [text for level, text, _ in lines if level >= handler.level])  # type: ignore[arg-type]
            else:
                _handle(handler, lines)


def _handlers() -> list[logging.Handler]:
    """Return the handlers that a record of our logger goes to, as ``Logger.callHandlers`` finds them."""
    found: list[logging.Handler] = []
    logger: logging.Logger | None = LOGGER
    while logger is not None:
        found.extend(logger.handlers)
        logger = logger.parent if logger.propagate else None
    return found or ([logging.lastResort] if logging.lastResort else [])


def _is_plain(handler: logging.Handler) -> bool:
    """Tell whether *handler* writes the message of a record and nothing else."""
    form = handler.formatter
    bare = form is None or (type(form) is logging.Formatter and form._fmt == "%(message)s")
    return type(handler) in _PLAIN and not handler.filters and bare


def _write(handler: logging.StreamHandler, texts: list[str]) -> None:  # type: ignore[type-arg]
    if not texts:
        return
    handler.acquire()
    try:
        stream = _stream_of(handler)
        stream.write(handler.terminator.join(texts) + handler.terminator)
        handler.flush()
    except (OSError, ValueError):  # a full disk, a closed stream: logging's own way to tell
        handler.handleError(logging.LogRecord(LOGGER.name, logging.INFO, __file__, 0, texts[0], (), None))
    finally:
        handler.release()


def _stream_of(handler: logging.Handler) -> Any:
    """Return where *handler* writes; a FileHandler opens late, or again after a change of configuration."""
    stream: Any = getattr(handler, "stream", None)
    if stream is None and isinstance(handler, logging.FileHandler):
        handler.stream = handler._open()
        return handler.stream
    return stream


def _handle(handler: logging.Handler, lines: Sequence[Line]) -> None:
    for level, text, time in lines:
        if level < handler.level:
            continue
        record = logging.LogRecord(LOGGER.name, level, __file__, 0, text, (), None)
        record.created = time / 1e9
        record.msecs = time // 1_000_000 % 1000
        if LOGGER.filter(record):
            handler.handle(record)
