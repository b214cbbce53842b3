"""Events of materializations: attempts to produce a partition of an asset."""

from __future__ import annotations

from dataclasses import dataclass

from flowstone.catalogue.event import Event, event
from flowstone.catalogue.operation import OperationEnd, OperationException, OperationStart, Volume
from flowstone.catalogue.values import Partition


@dataclass(frozen=True, kw_only=True)
class Attempt(Event):
    """What is materialized.

    Attributes:
        asset: Asset key, parts joined by ``/``.
        partition: Partition key.
        attempt: 1 for the first try.
    """

    __slots__ = ()

    asset: str
    partition: Partition | None = None
    attempt: int = 1


@event(subject="materialization")
class MaterializationStart(Attempt, OperationStart):
    """An attempt to produce an asset's partition begins.

    When: entering ``flowstone.materialization``, or the host begins the step of the asset.
    Guarantees: out of the process within 100 ms; followed by a stop or an exception, or shown as abandoned.
    Not emitted: for steps that the host skips without running user code.
    """


@event(subject="materialization")
class MaterializationStop(Attempt, Volume, OperationEnd):
    """The attempt ended without an exception.

    When: leaving ``flowstone.materialization``, or the host reports success or skip.
    Guarantees: same span id as its start; ``duration`` greater than zero.
    Not emitted: when the attempt raised; that is ``materialization.exception``.
    """


@event(subject="materialization")
class MaterializationException(Attempt, OperationException):
    """The attempt raised.

    When: an exception leaves ``flowstone.materialization``, or the host reports failure.
    Guarantees: same span id as its start; the exception itself passes on unchanged.
    Not emitted: for GeneratorExit and ``SystemExit(0)``, which count as success.
    """
