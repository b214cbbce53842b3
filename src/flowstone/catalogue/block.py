"""Events of blocks: what lasts, under a name of the user's own (``telemetry.block``, ``telemetry.span``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flowstone.catalogue.event import Event, event
from flowstone.catalogue.operation import OperationEnd, OperationException, OperationStart


@event(subject="block")
class BlockStart(OperationStart):
    """A block of the user's own begins; its event is called ``<block>.start``.

    Attributes:
        block: What the user calls it, such as ``quality.check``.
    """

    block: str = ""


@event(subject="block")
class BlockStop(OperationEnd):
    """A block of the user's own has ended; its event is called ``<block>.stop``.

    Attributes:
        block: What the user calls it.
    """

    block: str = ""


@event(subject="block")
class BlockException(OperationException):
    """A block of the user's own was left by an exception; its event is called ``<block>.exception``.

    Attributes:
        block: What the user calls it.
    """

    block: str = ""


BLOCKS: Final[Mapping[str, type[Event]]] = {
    "start": BlockStart,
    "stop": BlockStop,
    "exception": BlockException,
}
"""The classes by the last word of their events' names."""
