"""Runs: the operations that carry a run id and a correlation id for everything inside."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from opentelemetry import baggage

from flowstone.catalogue.run import RunException, RunStart, RunStop
from flowstone.catalogue.values import Error, Status
from flowstone.runtime import coerce, engine, roots
from flowstone.runtime.context import OPERATION_KEY, get_context, reset_context, set_context
from flowstone.runtime.heartbeat import heartbeats
from flowstone.runtime.identity import random_bits
from flowstone.runtime.inherited import inherit
from flowstone.runtime.rendering import RenderedOperation
from flowstone.runtime.scope import CORRELATION_ID, Scope, correlation

OUTERMOST_DRAIN_S = 0.5


class Run(
    RenderedOperation,
    events=(RunStart, RunStop, RunException),
    own={"attempt": "given.attempt if given.attempt.__class__ is int else whole(given.attempt) or 1"},
):
    """One execution of a pipeline.

    At the end of the outermost run the local plugins have what was emitted (bounded to 500 ms);
    exporters deliver in the background.

    Args:
        pipeline: Name of the pipeline.
        run_id: The run's id; a random one if not given.
        correlation_id: 1-128 printable ASCII characters; inherited or derived from the trace if not given.
        attempt: 1 for the first try.
        attributes: Added to the span and to the events.
        scope: Identity given by a host.
        span_id: 64-bit id derived by a host; random if 0.
        parent_id: 64-bit id of the parent's span, with *scope*.
        start_time: Unix nanoseconds as a host tells them.
    """

    timed = True
    _baggage: Any = None

    def __init__(
        self,
        pipeline: str,
        *,
        run_id: str | None = None,
        correlation_id: str | None = None,
        attempt: int = 1,
        attributes: Mapping[str, object] | None = None,
        scope: Scope | None = None,
        span_id: int = 0,
        parent_id: int = 0,
        start_time: int = 0,
    ) -> None:
        super().__init__(
            attributes=attributes, scope=scope, span_id=span_id, parent_id=parent_id, start_time=start_time
        )
        self.pipeline = coerce.text(pipeline, coerce.NAME_LIMIT)
        self.attempt = coerce.whole(attempt) or 1
        self._asked = (run_id, correlation_id)
        self._outermost = False

    def __enter__(self) -> Self:
        if self.ended or self.token is not None:
            return self.enter_again()
        context = get_context()
        inherit(self, context)
        if self.scope is None and engine.ensure():
            self._found_scope()
        self._outermost = context.get(OPERATION_KEY) is None
        super().__enter__()
        if self.token is not None:
            # Goes out with requests, so that whoever answers them carries the same correlation id.
            carried = baggage.set_baggage(CORRELATION_ID, self.scope.correlation_id, get_context())
            self._baggage = set_context(carried)
            self._watched()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.again and self.token is None:
            self.leave_again(kind, error, traceback)
            return
        if self._baggage is not None:
            try:
                reset_context(self._baggage)
            except ValueError:
                roots.leave(self, self._baggage)
            self._baggage = None
            heartbeats.forget(self)
        super().__exit__(kind, error, traceback)
        if self._outermost:
            engine.drain(OUTERMOST_DRAIN_S)

    @property
    def correlation_id(self) -> str:
        """The correlation id; before the run begins, and where flowstone is switched off, the one that was given."""
        return super().correlation_id or str(self._asked[1] or "")

    @property
    def run_id(self) -> str:
        """The run's id; before the run begins, and where flowstone is switched off, the one that was given."""
        return super().run_id or str(self._asked[0] or "")

    def begin(self) -> Self:
        """Tell the start without touching the context."""
        inherit(self, get_context())
        if self.scope is None and engine.ensure():
            self._found_scope()
        super().begin()
        if not self.ended:
            self._watched()
        return self

    def _watched(self) -> None:
        with suppress(Exception):  # a run without heartbeats is still a run
            heartbeats.watch(self)

    def finish(
        self,
        error: BaseException | Error | None = None,
        *,
        status: Status | None = None,
        time: int | None = None,
    ) -> None:
        """Tell the end; the first one counts. Without ``begin``, only the end is told.

        Args:
            error: What ended it, if anything did.
            status: How it ended, where that does not follow from *error*.
            time: Unix nanoseconds of the end as the host tells it; now by our own clock if not given.
        """
        heartbeats.forget(self)
        super().finish(error, status=status, time=time)

    def _found_scope(self) -> None:
        run_id, correlation_id = self._asked
        outer, parent_id = roots.scope_in(get_context(), self.subject, spanned=True)
        self.parent_id = self.parent_id or parent_id
        self.scope = outer.of_run(
            correlation_id=correlation(correlation_id) if correlation_id else "",
            run_id=coerce.text(run_id, coerce.NAME_LIMIT) if run_id else f"{random_bits(64):016x}",
            pipeline=self.pipeline,
        )
