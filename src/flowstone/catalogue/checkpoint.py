"""Events of checkpoints: human approval gates."""

from __future__ import annotations

from dataclasses import dataclass

from flowstone.catalogue.event import Event, event
from flowstone.catalogue.values import SpanLink


@dataclass(frozen=True, kw_only=True)
class CheckpointDecision(Event):
    """The fields of every verdict on a checkpoint.

    Attributes:
        checkpoint: The gate's name.
        checkpoint_id: The self-contained token of this request.
        actor: Who decided; empty where unknown.
        reason: Why.
        duration: Nanoseconds between request and verdict.
        links: The span of the request.
    """

    __slots__ = ()

    checkpoint: str = ""
    checkpoint_id: str = ""
    actor: str = ""
    reason: str = ""
    duration: int = 0
    links: tuple[SpanLink, ...] = ()


@event(subject="checkpoint")
class CheckpointRequested(Event):
    """Somebody's approval is asked for.

    When: ``flowstone.checkpoint(...).request()``, or the host's own gate opens.
    Guarantees: exactly once for a request; its span ends at once.
    Not emitted: for gates that hosts resolve without a human.

    Attributes:
        checkpoint: The gate's name.
        checkpoint_id: The self-contained token by which the decision is made.
        timeout: Seconds until it times out; none for never.
        links: Spans it follows from.
    """

    checkpoint: str
    checkpoint_id: str = ""
    timeout: float | None = None
    links: tuple[SpanLink, ...] = ()


@event(subject="checkpoint")
class CheckpointApproved(CheckpointDecision):
    """The checkpoint was approved.

    When: ``gate.approve(...)``, or the host reports approval.
    Guarantees: at most one verdict for a request; linked to it.
    Not emitted: after another verdict; that call raises.
    """


@event(subject="checkpoint")
class CheckpointRejected(CheckpointDecision):
    """The checkpoint was rejected.

    When: ``gate.reject(...)``, or the host reports rejection.
    Guarantees: at most one verdict for a request; linked to it.
    Not emitted: after another verdict; that call raises.
    """


@event(subject="checkpoint")
class CheckpointTimeout(CheckpointDecision):
    """Nobody decided in time.

    When: ``gate.expire()``; or the time has passed, told by a process that knows the request and lives
        then, else by the next one that resumes it.
    Guarantees: at most one verdict for a request; linked to it; its time is when the time had passed.
    Not emitted: for requests without a time-out.
    """
