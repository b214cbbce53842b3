"""Events of io managers: loads and stores of assets."""

from __future__ import annotations

from dataclasses import dataclass

from flowstone.catalogue.event import Event, event
from flowstone.catalogue.operation import OperationEnd, OperationException, OperationStart, Volume
from flowstone.catalogue.values import Partition


@dataclass(frozen=True, kw_only=True)
class Transfer(Event):
    """What is loaded or stored, and by which io manager.

    Attributes:
        asset: Asset key, parts joined by ``/``.
        io_manager: Registered name or class of the io manager.
        partition: Partition key.
    """

    __slots__ = ()

    asset: str
    io_manager: str = ""
    partition: Partition | None = None


@event(subject="io.load")
class IoLoadStart(Transfer, OperationStart):
    """An io manager begins to load an asset.

    When: entering ``flowstone.io_load``, or the host calls its io manager.
    Guarantees: same span id as the stop or exception that follows.
    Not emitted: for reads that user code does past the io manager.
    """


@event(subject="io.load")
class IoLoadStop(Transfer, Volume, OperationEnd):
    """The load ended well.

    When: leaving ``flowstone.io_load``, or the io manager returned.
    Guarantees: same span id as its start.
    Not emitted: when the load raised.
    """


@event(subject="io.load")
class IoLoadException(Transfer, OperationException):
    """The load raised.

    When: an exception leaves ``flowstone.io_load`` or the io manager.
    Guarantees: same span id as its start.
    Not emitted: for reads past the io manager.
    """


@event(subject="io.store")
class IoStoreStart(Transfer, OperationStart):
    """An io manager begins to store an asset.

    When: entering ``flowstone.io_store``, or the host calls its io manager.
    Guarantees: same span id as the stop or exception that follows.
    Not emitted: for writes that user code does past the io manager.
    """


@event(subject="io.store")
class IoStoreStop(Transfer, Volume, OperationEnd):
    """The store ended well.

    When: leaving ``flowstone.io_store``, or the io manager returned.
    Guarantees: same span id as its start.
    Not emitted: when the store raised.
    """


@event(subject="io.store")
class IoStoreException(Transfer, OperationException):
    """The store raised.

    When: an exception leaves ``flowstone.io_store`` or the io manager.
    Guarantees: same span id as its start.
    Not emitted: for writes past the io manager.
    """
