"""The JSON lines of events."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from typing import Final, NamedTuple

from flowstone.catalogue.event import Event
from flowstone.face.line_template import Template, template
from flowstone.runtime.export.data import DEBUG, FAULT, INFO, WARN
from flowstone.runtime.severities import severity_of

LEVELS: Final = {DEBUG: logging.DEBUG, INFO: logging.INFO, WARN: logging.WARNING, FAULT: logging.ERROR}
"""The levels of ``logging`` by severity."""

Line = tuple[int, str, int]
"""Level, text, and Unix nanoseconds of the event."""


class _Known(NamedTuple):
    """What is known of a class of events.

    Attributes:
        severity: Tells how severe an event is, as a number of OpenTelemetry's.
        line: Makes its line.
    """

    severity: Callable[[Event], int]
    line: Template


_known: Final[dict[type[Event], _Known]] = {}


def line_of(event: Event) -> str:
    """Return the JSON line of *event*, without a line end."""
    severity, line = _known.get(type(event)) or _look_at(type(event))
    return line(event, severity(event))


def lines_of(events: Iterable[Event], severities: Collection[int]) -> list[Line]:
    """Return the JSON lines of those *events* that are of one of *severities*, which ``LEVELS`` has, in their order."""
    found: list[Line] = []
    for event in events:
        judge, line = _known.get(type(event)) or _look_at(type(event))
        severity = judge(event)
        if severity in severities:
            found.append((LEVELS[severity], line(event, severity), event.time))
    return found


def _look_at(cls: type[Event]) -> _Known:
    found = _known[cls] = _Known(severity_of(cls), template(cls))
    return found
