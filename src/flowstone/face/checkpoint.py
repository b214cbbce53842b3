"""Checkpoints: gates that a human opens."""

from __future__ import annotations

from time import time_ns
from typing import Self

from flowstone.catalogue.checkpoint import (
    CheckpointApproved,
    CheckpointDecision,
    CheckpointRejected,
    CheckpointRequested,
    CheckpointTimeout,
)
from flowstone.catalogue.values import SpanLink
from flowstone.face import token
from flowstone.face.errors import CheckpointDecided, CheckpointExpired
from flowstone.runtime import coerce, emission, engine, identity, roots
from flowstone.runtime.context import get_context
from flowstone.runtime.scope import Scope


class Checkpoint:
    """A human approval gate.

    ``gate = flowstone.checkpoint("publish", timeout=3600).request()``, then one of ``approve``,
    ``reject`` or ``expire``. Nothing waits: the pipeline decides what to do meanwhile.

    Args:
        name: The gate's name.
        timeout: Seconds after which nobody may decide any more; None for never.

    Attributes:
        id: The request's self-contained token; empty before ``request``.
    """

    def __init__(self, name: str, *, timeout: float | None = None) -> None:
        self.name = coerce.text(name, coerce.NAME_LIMIT)
        self.timeout = timeout
        self.id = ""
        self._verdict = ""
        self._scope: Scope | None = None
        self._span_id = 0
        self._parent_id = 0
        self._requested_at = 0

    def request(self) -> Self:
        """Ask for approval.

        Raises:
            CheckpointDecided: This gate was requested before; make a new one.
        """
        if self.id:
            raise CheckpointDecided(
                f"checkpoint {self.name!r} was requested before; make a new one to ask again"
            )
        self._requested_at = time_ns()
        self._span_id = identity.new_span_id()
        if engine.ensure():
            self._scope, self._parent_id = roots.scope_in(get_context(), "checkpoint")
            self.id = token.write(self.name, self._scope, self._span_id, self._requested_at, self.timeout)
            emission.emit(
                CheckpointRequested,
                {"checkpoint": self.name, "checkpoint_id": self.id, "timeout": self.timeout},
                scope=self._scope,
                span_id=self._span_id,
                parent_id=self._parent_id,
                time=self._requested_at,
            )
        else:
            self.id = "off"
        return self

    def approve(self, *, actor: str = "", reason: str = "") -> None:
        """Open the gate.

        Args:
            actor: Who approves.
            reason: Why.

        Raises:
            CheckpointDecided: There is a verdict already, or nothing was requested.
            CheckpointExpired: The time-out has passed.
        """
        self._decide(CheckpointApproved, "approved", actor, reason)

    def reject(self, *, actor: str = "", reason: str = "") -> None:
        """Keep the gate shut.

        Args:
            actor: Who rejects.
            reason: Why.

        Raises:
            CheckpointDecided: There is a verdict already, or nothing was requested.
            CheckpointExpired: The time-out has passed.
        """
        self._decide(CheckpointRejected, "rejected", actor, reason)

    def expire(self) -> None:
        """Tell that nobody decided in time.

        Raises:
            CheckpointDecided: There is a verdict already, or nothing was requested.
        """
        self._decide(CheckpointTimeout, "timed out", "", "")

    def _decide(self, verdict: type[CheckpointDecision], word: str, actor: str, reason: str) -> None:
        if not self.id:
            raise CheckpointDecided(f"checkpoint {self.name!r} was not requested; call request() first")
        if self._verdict:
            raise CheckpointDecided(
                f"checkpoint {self.name!r} was {self._verdict} already; it cannot be {word}"
            )
        now = time_ns()
        late = self.timeout is not None and now - self._requested_at > self.timeout * 1e9
        if late and verdict is not CheckpointTimeout:
            self._tell(CheckpointTimeout, "timed out", "", "", now)
            raise CheckpointExpired(
                f"checkpoint {self.name!r} timed out {self.timeout} s after it was requested; request it anew"
            )
        self._tell(verdict, word, actor, reason, now)

    def _tell(self, verdict: type[CheckpointDecision], word: str, actor: str, reason: str, now: int) -> None:
        self._verdict = word
        if self._scope is None:
            return
        link = SpanLink(trace_id=self._scope.trace_hex, span_id=f"{self._span_id:016x}")
        emission.emit(
            verdict,
            {
                "checkpoint": self.name,
                "checkpoint_id": self.id,
                "actor": actor,
                "reason": reason,
                "duration": max(now - self._requested_at, 1),
                "links": (link,),
            },
            scope=self._scope,
            parent_id=self._parent_id,
            time=now,
        )
