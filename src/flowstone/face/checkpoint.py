"""Checkpoints: gates that a human opens, here or in another process, now or in days."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, time_ns
from typing import Final, Self

from flowstone.catalogue.checkpoint import CheckpointRequested
from flowstone.catalogue.event import Event
from flowstone.catalogue.registry import name_of
from flowstone.catalogue.values import SpanLink
from flowstone.face import claims, keys, token
from flowstone.face.deadlines import deadlines
from flowstone.face.errors import CheckpointDecided, CheckpointExpired, CheckpointNotRecorded
from flowstone.face.token import Request
from flowstone.face.verdicts import APPROVED, EVENTS, REJECTED, TIMED_OUT, claimed, verdict_on
from flowstone.runtime import coerce, elsewhere, emission, engine, identity, roots
from flowstone.runtime.context import get_context
from flowstone.runtime.inherited import with_inherited
from flowstone.runtime.keeping import doubt
from flowstone.runtime.scope import NO_TRACE

elsewhere.use("checkpoint_id", lambda id: bool(claimed(id)))

OFF: Final = "off"
"""The token of what was requested while flowstone was switched off."""

WAIT_S: Final = 2.0
_LATEST: Final = (1 << 63) - 1
_LONGEST_S: Final = 1e9
_LOOK_S: Final = 1.0


class Checkpoint:
    """A human approval gate.

    ``gate = flowstone.checkpoint("publish", timeout=3600).request()``, then one of ``approve``,
    ``reject`` or ``expire``, here or on what ``flowstone.resume_checkpoint(gate.id)`` returns
    elsewhere. Nothing waits for a human: the pipeline decides what to do meanwhile.

    A verdict is told as an event of its own, in the trace and run of the request and linked to it.
    A decision waits at most 2 seconds until the local plugins have it.

    Args:
        name: The gate's name.
        timeout: Seconds after which nobody may decide any more; None for never.
        now: The clock, in Unix nanoseconds; tests bring their own.

    Attributes:
        id: The request's self-contained token; empty before ``request``.
    """

    def __init__(self, name: str, *, timeout: float | None = None, now: Callable[[], int] = time_ns) -> None:
        self.name = coerce.text(name, coerce.NAME_LIMIT)
        self.timeout = _seconds(timeout)
        self.id = ""
        self._verdict = ""
        self._told: str | None = ""
        self._now = now
        self._request: Request | None = None

    def request(self) -> Self:
        """Ask for approval.

        Raises:
            CheckpointDecided: This gate was requested before; make a new one.
        """
        if self.id:
            raise CheckpointDecided(
                f"checkpoint {self.name!r} was requested before; make a new one to ask again"
            )
        scope, parent_id = roots.scope_in(get_context(), "checkpoint") if engine.ensure() else (NO_TRACE, 0)
        asked = self._request = Request(
            name=self.name,
            scope=scope,
            span_id=identity.new_span_id(),
            parent_id=parent_id,
            requested_at=min(max(int(self._now()), 0), _LATEST),
            timeout=self.timeout,
        )
        if not scope.trace_id:
            self.id = OFF
            return self
        self.id = token.write(asked, keys.signing())
        emission.emit(
            CheckpointRequested,
            with_inherited(
                {"checkpoint": self.name, "checkpoint_id": self.id, "timeout": self.timeout}, get_context()
            ),
            scope=scope,
            span_id=asked.span_id,
            parent_id=parent_id,
            time=asked.requested_at,
        )
        self._watch(asked)
        return self

    @classmethod
    def resume(cls, id: str, *, now: Callable[[], int] = time_ns) -> Self:
        """Return the gate of a request made elsewhere; see ``flowstone.resume_checkpoint``.

        Raises:
            CheckpointInvalid: *id* is no token that can be trusted here.
        """
        if id == OFF and not engine.ensure():
            return cls("", now=now).request()
        asked = token.read(id, keys.known())
        gate = cls(asked.name, timeout=asked.timeout, now=now)
        gate.id, gate._request = id.strip(), asked
        deadline = monotonic() + WAIT_S
        if gate._look() == TIMED_OUT:
            _settle(deadline)
        gate._watch(asked)
        return gate

    @property
    def verdict(self) -> str:
        """``approved``, ``rejected`` or ``timed out``, as far as this object knows; empty while there is none.

        To learn what was decided elsewhere since: ``flowstone.resume_checkpoint(gate.id).verdict``.
        """
        return self._verdict

    def approve(self, *, actor: str = "", reason: str = "") -> None:
        """Open the gate.

        Args:
            actor: Who approves.
            reason: Why.

        Raises:
            CheckpointDecided: There is a verdict already, from any process, or nothing was requested.
            CheckpointExpired: The time-out has passed.
            CheckpointNotRecorded: The verdict stands, but a plugin that has to keep it could not, or is not known to.
        """
        self._decide(APPROVED, actor, reason)

    def reject(self, *, actor: str = "", reason: str = "") -> None:
        """Keep the gate shut.

        Args:
            actor: Who rejects.
            reason: Why.

        Raises:
            CheckpointDecided: There is a verdict already, from any process, or nothing was requested.
            CheckpointExpired: The time-out has passed.
            CheckpointNotRecorded: The verdict stands, but a plugin that has to keep it could not, or is not known to.
        """
        self._decide(REJECTED, actor, reason)

    def expire(self) -> None:
        """Tell that nobody decided in time; does nothing where that was told before.

        Raises:
            CheckpointDecided: It was approved or rejected, by any process, or nothing was requested.
            CheckpointNotRecorded: The verdict stands, but a plugin that has to keep it could not, or is not known to.
        """
        self._decide(TIMED_OUT, "", "")

    def _decide(self, verdict: str, actor: str, reason: str) -> None:
        request = self._request
        if request is None:
            raise CheckpointDecided(f"checkpoint {self.name!r} was not requested; call request() first")
        deadline = monotonic() + WAIT_S
        before = self._look() or self._tell(request, verdict, actor, reason)
        mine = (
            not before or before == verdict == TIMED_OUT
        )  # else what was told is not what is asked for here
        _settle(deadline, self._told if mine else "", EVENTS[verdict])
        if before == TIMED_OUT and verdict != TIMED_OUT:
            after = "" if self.timeout is None else f" {self.timeout:g} s after it was requested"
            raise CheckpointExpired(f"checkpoint {self.name!r} timed out{after}; request it anew")
        if before and before != TIMED_OUT:
            raise CheckpointDecided(f"checkpoint {self.name!r} was {before} already; it cannot be {verdict}")

    def _watch(self, request: Request) -> None:
        """Have this process tell the time-out, if it still lives then and nobody has decided."""
        if self.timeout is not None and not self._verdict:
            deadlines.watch(request.key, self._remaining, self._look)

    def _remaining(self) -> float | None:
        """Return the seconds to the time-out; None where there is nothing to time out."""
        request = self._request
        if self._verdict or request is None or request.deadline is None:
            return None
        return (request.deadline - self._now()) / 1e9

    def _look(self) -> str:
        """Find out what was decided elsewhere; tell the time-out if it has passed untold; return the verdict."""
        request = self._request
        if request is not None and not self._verdict:
            self._verdict = "" if self.id == OFF else verdict_on(request, _LOOK_S)
            left = self._remaining()
            if left is not None and left <= 0:
                self._tell(request, TIMED_OUT, "", "")
        return self._verdict

    def _tell(self, request: Request, verdict: str, actor: str, reason: str) -> str:
        """Give the verdict; return the one that somebody else gave first, if so."""
        before = "" if self.id == OFF else claims.claim(request.key, verdict, request.deadline, self._now)
        self._verdict = before or verdict
        if before or self.id == OFF:
            return before
        scope, now = request.scope, int(self._now())
        if verdict == TIMED_OUT and request.deadline is not None:
            now = min(now, request.deadline)  # so that it is the same event whoever tells it, and when
        fields = {
            "checkpoint": request.name,
            "checkpoint_id": self.id,
            "actor": actor,
            "reason": reason,
            "duration": max(now - request.requested_at, 1),
            "links": (SpanLink(trace_id=scope.trace_hex, span_id=f"{request.span_id:016x}"),),
        }
        told = emission.emit(
            EVENTS[verdict],
            # A time-out is nobody's doing, whoever happens to notice it.
            fields if verdict == TIMED_OUT else with_inherited(fields, get_context()),
            scope=scope,
            span_id=identity.derive_span_id("checkpoint", request.key, verdict),
            parent_id=request.parent_id,
            time=now,
        )
        self._told = None if told is None else told.event().id
        return ""


def _seconds(timeout: float | None) -> float | None:
    """Return a time-out as seconds; None where it is none, or never comes."""
    try:
        seconds = None if timeout is None else max(float(timeout), 0.0)
    except (TypeError, ValueError, OverflowError):
        return None
    return seconds if seconds is not None and seconds <= _LONGEST_S else None  # not a number is not <= either


def _settle(deadline: float, told: str | None = "", verdict: type[Event] | None = None) -> None:
    """Wait until the local plugins have the verdict; the drain itself cannot wait for itself.

    Args:
        deadline: Until when, on the monotonic clock.
        told: The id of the verdict's event; empty where this object told none, None where none could be made.
        verdict: Its class.

    Raises:
        CheckpointNotRecorded: One that has to keep it could not, or is not known to have it.
    """
    found = engine.peek()
    if found is None or found.drain.is_this_thread():
        return
    reached = engine.drain(max(deadline - monotonic(), 0.0))
    if told == "" or verdict is None:
        return
    refused = found.delivery.refusals.of(told) if told else ""
    reached = reached and told is not None
    reason = refused or doubt(found.plugins, name_of(verdict), reached=reached)
    if reason:
        raise CheckpointNotRecorded(f"the verdict stands, but could not be recorded: {reason}")
