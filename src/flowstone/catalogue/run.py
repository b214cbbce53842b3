"""Events of runs: executions of a pipeline."""

from __future__ import annotations

from dataclasses import dataclass

from flowstone.catalogue.event import Event, Process, event
from flowstone.catalogue.operation import OperationEnd, OperationException, OperationStart


@dataclass(frozen=True, kw_only=True)
class Execution(Event):
    """Which execution of the run this is.

    Attributes:
        attempt: 1 for the first try; re-executions count on.
    """

    __slots__ = ()

    attempt: int = 1


@event(subject="run")
class RunStart(Execution, OperationStart):
    """A run begins.

    When: entering ``flowstone.run``, or the host starts a run.
    Guarantees: out of the process within 100 ms; followed by a stop or an exception, or shown as abandoned.
    Not emitted: when a run is only queued.
    """


@event(subject="run")
class RunStop(Execution, OperationEnd):
    """The run ended without an exception.

    When: leaving ``flowstone.run``, or the host reports success.
    Guarantees: same span id as its start.
    Not emitted: when the run failed; that is ``run.exception``.
    """


@event(subject="run")
class RunException(Execution, OperationException):
    """The run failed.

    When: an exception leaves ``flowstone.run``, or the host reports failure or cancellation.
    Guarantees: same span id as its start.
    Not emitted: for steps that failed and were retried with success.
    """


@event(subject="run")
class RunHeartbeat(Event):
    """The run still lives.

    When: every 60 s while a run lasts.
    Guarantees: three missed ones on another host mean abandoned.
    Not emitted: in the first 60 s of a run.

    Attributes:
        process: Where the run lives.
    """

    process: Process | None = None
