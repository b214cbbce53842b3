"""Operations: what has a start and an end. This file is the caller's path; every line counts."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import Token
from threading import get_ident
from time import perf_counter_ns, thread_time_ns, time_ns
from types import TracebackType
from typing import Any, ClassVar, NamedTuple, Self, cast

from opentelemetry.context import Context

from flowstone.catalogue.event import Event
from flowstone.catalogue.values import Error, Status
from flowstone.runtime import attended, coerce, engine, failure, lane, roots
from flowstone.runtime.attention import attention
from flowstone.runtime.context import (
    OPERATION_KEY,
    SPAN_KEY,
    get_context,
    put,
    reset_context,
    set_context,
)
from flowstone.runtime.identity import random_bits
from flowstone.runtime.lane import append, records
from flowstone.runtime.scope import Scope
from flowstone.runtime.span import OperationSpan

_state = lane.state
_OF_REUSE = frozenset({"again", "token"})
_SETTLE_S = 0.2
_WORTH_NS = 1_000_000  # below, measuring resources would cost more than it tells


class Reuse(NamedTuple):
    """A second use of an object whose operation has begun, or has ended, already.

    Attributes:
        fresh: The operation that stands for it.
        before: What the object was like.
        token: How the object's own block is left, where it still is inside of that.
    """

    fresh: Operation
    before: dict[str, object]
    token: Token[Context] | None


class Operation(OperationSpan):
    """Base of run, materialization, load and store.

    As a context manager it is the current span of its block. Hosts that see start and end apart
    use ``begin`` and ``finish``. The object is its own record: it is queued at its start and
    again at its end, and rendered by the drain.
    """

    subject: ClassVar[str] = ""
    timed: bool = False  # whether its thread's CPU time is measured

    size_bytes: int | None = None
    rows: int | None = None
    status: Status | None = None
    failure: failure.Failure | Error | None = None
    failure_kind: str = "exception"
    duration: int = 0
    cpu_time: int | None = None
    cpu_thread: int = 0
    cpu_from: int = 0
    initial: dict[str, object] | None = None
    start_rendered: bool = False
    token: Token[Context] | None = None
    made_start: Event | None = None
    made_end: Event | None = None
    again: tuple[Reuse, ...] = ()

    def __init__(
        self,
        *,
        attributes: Mapping[str, object] | None = None,
        scope: Scope | None = None,
        span_id: int = 0,
        parent_id: int = 0,
        start_time: int = 0,
    ) -> None:
        self.scope = cast(Scope, scope)
        self.span_id = span_id
        self.parent_id = parent_id
        self.start_time = start_time
        if attributes:
            self.initial = coerce.snapshot(attributes)

    def __enter__(self) -> Self:
        context = get_context()
        parent: Any = context.get(OPERATION_KEY)
        if parent is not None and self.scope is None and context.get(SPAN_KEY) is parent:
            self.scope = parent.scope
            self.parent_id = parent.span_id
            self.span_id = random_bits(64)
        elif self.ended or self.token is not None:
            return self.enter_again()
        elif not roots.adopt(self, context):
            return self
        self.epoch = attention.epoch
        inside = Context(context)
        put(inside, OPERATION_KEY, self)
        put(inside, SPAN_KEY, self)
        self.token = set_context(inside)
        if self.timed:
            self.cpu_thread = get_ident()
            self.cpu_from = thread_time_ns()
        self.start_time = time_ns()
        self.started = perf_counter_ns()
        append(self)
        if len(records) > _state.limit and lane.attend():
            self._begin_now()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        token = self.token
        if token is None:  # switched off, ended by hand, or entered a second time
            self.leave_again(kind, error, traceback)
            return
        duration = perf_counter_ns() - self.started
        if duration >= _WORTH_NS and self.cpu_thread == get_ident():
            self.cpu_time = thread_time_ns() - self.cpu_from
        self.token = None
        try:
            reset_context(token)
        except ValueError:  # closed in another context, as generators may be
            roots.leave(self, token)
        if self.ended:
            return
        self.ended = True
        self.duration = duration
        if error is not None:
            self.fail(error)
        if self.epoch == attention.epoch:
            append(self)
            if len(records) > _state.limit:
                lane.attend()

    def begin(self) -> Self:
        """Tell the start without touching the context; for hosts that drive their own flow."""
        if not roots.adopt(self, get_context(), spanned=True):
            self.ended = True
            return self
        self.epoch = attention.epoch
        self.start_cpu()
        self.started = perf_counter_ns()
        self.start_time = self.start_time or time_ns()
        attended.announce(self, get_context())
        lane.leave(self)
        return self

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
        if self.ended:
            return
        self.ended = True
        self.duration = (
            time - self.start_time if time is not None else perf_counter_ns() - getattr(self, "started", 0)
        )
        if self.duration >= _WORTH_NS and self.cpu_thread == get_ident():
            self.cpu_time = thread_time_ns() - self.cpu_from
        if error is not None:
            self.fail(error)
        if status is not None:
            self.status = status
            self.failure_kind = "cancellation" if status == "cancellation" else self.failure_kind
        if not hasattr(self, "epoch"):  # begun elsewhere
            if not roots.adopt(self, get_context()):
                return
            self.start_rendered = True
            self.epoch = attention.epoch
        if self.epoch == attention.epoch:
            attended.conclude(self)
            lane.leave(self)

    def end(self, end_time: int | None = None) -> None:
        """End the operation as a span is ended; leaving its block afterwards tells nothing more."""
        self.finish(time=end_time)

    def _begin_now(self) -> None:
        """Take the clocks anew: a forked child may have loaded its plugins, which is not the block's time."""
        if self.start_rendered:
            return
        if self.timed:
            self.cpu_from = thread_time_ns()
        self.start_time = time_ns()
        self.started = perf_counter_ns()

    def like_this(self) -> Self:
        """Return a new operation with what this one was made with."""
        raise NotImplementedError

    def enter_again(self) -> Self:
        """Enter a new operation like this one, whose record must not change any more."""
        if self.ended:
            engine.drain(_SETTLE_S)  # what is set on this object from now on is of the new one
        fresh = self.like_this()
        self.again = (*self.again, Reuse(fresh, dict(vars(self)), self.token))
        self.token = None
        return fresh.__enter__()

    def leave_again(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leave what was entered last by ``enter_again``; what was set on this object meanwhile is set on that."""
        if not self.again:
            return
        *others, (fresh, before, token) = self.again
        self.again, self.token = tuple(others), token
        kept = vars(fresh)
        for key, value in vars(self).items():
            if key not in _OF_REUSE and key not in kept and (key not in before or before[key] is not value):
                kept[key] = value
        fresh.__exit__(kind, error, traceback)

    def start_cpu(self) -> None:
        """Note what CPU time this thread has used so far; another thread at the end means: not known."""
        if self.timed:
            self.cpu_thread = get_ident()
            self.cpu_from = thread_time_ns()

    def fail(self, error: BaseException | Error) -> None:
        """Take over how *error* ended the operation."""
        if isinstance(error, Error):
            self.status, self.failure = "failure", failure.cleaned(error)
            return
        status, kind = failure.outcome(error)
        if status != "success":
            self.status, self.failure_kind, self.failure = status, kind, failure.Failure(error)

    def dropped(self) -> str:
        """Return the name of the event that is lost when this record is."""
        if not self.start_rendered:
            self.start_rendered = True
            return f"{self.subject}.start"
        return f"{self.subject}.{'stop' if self.failure is None else 'exception'}"

    def render(self, out: list[Event]) -> None:
        """Append the start, and the next time the end, to *out*."""
        if self.start_rendered:
            out.append(self.made_end or self.end_event())
        else:
            self.start_rendered = True
            out.append(self.made_start or self.start_event())

    def start_event(self) -> Event:
        """Return the start as an event."""
        raise NotImplementedError

    def end_event(self) -> Event:
        """Return the end as an event."""
        raise NotImplementedError

    @classmethod
    def attend(cls, needed: bool) -> None:
        """Switch between the deferred path and the attended one, for all operations of the process."""
        enter, leave = (attended.enter, attended.leave) if needed else (_ENTER, _EXIT)
        if Operation.__enter__ is not enter:
            Operation.__enter__ = enter  # type: ignore[method-assign]
            Operation.__exit__ = leave  # type: ignore[method-assign]

    @property
    def correlation_id(self) -> str:
        """The correlation id; empty before the operation begins."""
        return self.scope.correlation_id if self.scope is not None else ""

    @property
    def trace_id(self) -> str:
        """The trace id as 32 hex digits; empty before the operation begins."""
        return self.scope.trace_hex if self.scope is not None else ""

    @property
    def run_id(self) -> str:
        """The run's id; empty before the operation begins."""
        return self.scope.run_id if self.scope is not None else ""


_ENTER = Operation.__enter__
_EXIT = Operation.__exit__
attention.on_change = Operation.attend
