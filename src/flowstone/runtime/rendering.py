"""How the drain makes events from operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final, Self, TypeVar

from flowstone.catalogue.event import Event
from flowstone.catalogue.mould import builder
from flowstone.catalogue.registry import name_of
from flowstone.catalogue.values import NO_ATTRIBUTES, Attributes, Error, SpanEvent, SpanLink, Status
from flowstone.runtime import coerce
from flowstone.runtime.decorating import decorate
from flowstone.runtime.failure import Failure
from flowstone.runtime.identity import event_id
from flowstone.runtime.operation import Operation
from flowstone.runtime.process import this_process
from flowstone.runtime.stats import count

F = TypeVar("F", bound=Callable[..., Any])

_COMMON: Final = (
    "id",
    "time",
    "correlation_id",
    "trace_id",
    "span_id",
    "parent_id",
    "run_id",
    "pipeline",
    "orchestrator",
    "sampled",
    "attributes",
    "links",
)
_START: Final = (*_COMMON, "process")
_END: Final = (*_COMMON, "status", "duration", "span_name", "span_events")
_EXCEPTION: Final = (*_END, "kind", "error")
_GOOD: Final = frozenset({"success", "skip"})


class RenderedOperation(Operation):
    """An operation whose three events are built from its own fields."""

    clean: Attributes | None = None
    _names: ClassVar[tuple[str, str, str]]
    _start: ClassVar[Callable[..., Event]]
    _stop: ClassVar[Callable[..., Event]]
    _exception: ClassVar[Callable[..., Event]]
    _volume: ClassVar[bool] = False

    def __init_subclass__(
        cls,
        *,
        events: tuple[type[Event], type[Event], type[Event]] | None = None,
        own: tuple[str, ...] = (),
        volume: bool = False,
    ) -> None:
        """Compile the builders of a kind of operation.

        Args:
            events: Its start, stop and exception classes; none for a shared base.
            own: The fields that ``own_values`` returns, in order.
            volume: Whether its stop carries ``size_bytes`` and ``rows``.
        """
        super().__init_subclass__()
        if events is None:
            return
        start, stop, exception = events
        cls.subject = start.subject
        cls._names = (name_of(start), name_of(stop), name_of(exception))
        cls._volume = volume
        cls._start = builder(start, *_START, *own)
        cls._stop = builder(stop, *_END, *(("size_bytes", "rows") if volume else ()), *own)
        cls._exception = builder(exception, *_EXCEPTION, *own)

    def __call__(self, function: F) -> F:
        """Decorate *function*: each call, or each iteration of a generator, is an operation of its own."""
        return decorate(function, self._again)

    def _again(self) -> Self:
        fresh = object.__new__(type(self))
        fresh.__dict__.update(self.__dict__)
        return fresh

    def own_values(self) -> tuple[Any, ...]:
        """Return the clean values of the kind's own fields."""
        raise NotImplementedError

    def start_event(self) -> Event:
        """Return the start as an event."""
        if self.clean is None:
            self.clean = coerce.attributes(self.initial) if self.initial else NO_ATTRIBUTES
        return type(self)._start(
            *self._identity(self._names[0], self.start_time),
            self.clean,
            (),
            this_process(),
            *self.own_values(),
        )

    def end_event(self) -> Event:
        """Return the end as an event: a stop, or an exception where it failed."""
        status, error = self._outcome()
        good = status in _GOOD
        duration = self.duration if self.duration > 0 else 1
        common = (
            *self._identity(self._names[1] if good else self._names[2], self.start_time + duration),
            self._end_attributes(),
            self._links() if self.span_links else (),
            status,
            duration,
            self.span_name,
            self._span_events() if self.marks else (),
        )
        if not good:
            return type(self)._exception(*common, self.failure_kind, error, *self.own_values())
        if self._volume:
            return type(self)._stop(*common, whole(self.size_bytes), whole(self.rows), *self.own_values())
        return type(self)._stop(*common, *self.own_values())

    def _identity(self, name: str, time: int) -> tuple[Any, ...]:
        scope = self.scope
        span_id = f"{self.span_id:016x}"
        return (
            event_id(time, span_id, name),
            time,
            scope.correlation_id,
            scope.trace_hex,
            span_id,
            f"{self.parent_id:016x}" if self.parent_id else "",
            scope.run_id,
            scope.pipeline,
            scope.orchestrator,
            scope.sampled,
        )

    def _end_attributes(self) -> Attributes:
        if self.extra is None:
            if self.clean is None:
                self.clean = coerce.attributes(self.initial) if self.initial else NO_ATTRIBUTES
            return self.clean
        return coerce.attributes({**self.initial, **self.extra} if self.initial else dict(self.extra))

    def _outcome(self) -> tuple[Status, Error | None]:
        if self.failure is not None:
            error = self.failure.render() if isinstance(self.failure, Failure) else self.failure
            return self.status or "failure", error
        if self.description is not None:  # user code called set_status(ERROR)
            return "failure", Error(type="_OTHER", message=self.description)
        status = self.status or "success"
        return status, None if status in _GOOD else Error(type="_OTHER")

    def _span_events(self) -> tuple[SpanEvent, ...]:
        return tuple(
            SpanEvent(name=name, time=time, attributes=coerce.attributes(kept))
            for name, time, kept in self.marks or ()
        )

    def _links(self) -> tuple[SpanLink, ...]:
        return tuple(
            SpanLink(trace_id=f"{trace:032x}", span_id=f"{span:016x}", attributes=coerce.attributes(kept))
            for trace, span, kept in self.span_links or ()
        )


def whole(given: object) -> int | None:
    """Return a measurement as a whole number that fits 64 bits, or None where it is none."""
    if given is None or type(given) is int:
        if given is None or 0 <= given < 1 << 63:
            return given
    else:
        try:
            number = int(given)  # type: ignore[call-overload]  # numpy's and pandas' numbers too
            if 0 <= number < 1 << 63:
                return int(number)
        except (TypeError, ValueError, OverflowError):
            pass
    count("value.coerced")
    return None
