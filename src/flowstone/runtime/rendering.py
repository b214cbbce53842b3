"""How the drain makes events from operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final, NamedTuple, Self, TypeVar

from flowstone.catalogue.event import Event
from flowstone.catalogue.mould import maker
from flowstone.catalogue.registry import name_of
from flowstone.catalogue.values import (
    NO_ATTRIBUTES,
    STATUSES,
    Attributes,
    Error,
    SpanEvent,
    SpanLink,
    Status,
)
from flowstone.runtime import coerce
from flowstone.runtime.decorating import decorate
from flowstone.runtime.failure import Failure
from flowstone.runtime.identity import code_of
from flowstone.runtime.memory import peak_rss
from flowstone.runtime.operation import Operation
from flowstone.runtime.process import this_process
from flowstone.runtime.stats import count

F = TypeVar("F", bound=Callable[..., Any])

_MADE_WITH: Final = (
    "asset", "partition", "attempt", "io_manager", "pipeline", "subject", "initial", "_asked", "_outermost"
)  # fmt: skip
_GOOD: Final = frozenset({"success", "skip"})
# The id is what identity.event_id makes, written out: a call costs more than the id.
_IDENTITY: Final = {
    "id": '"%012x%s%s" % (time // 1000000 & 0xFFFFFFFFFFFF, span_id, code)',
    "time": "time",
    "correlation_id": "scope.correlation_id",
    "trace_id": "scope.trace_hex",
    "span_id": "span_id",
    "parent_id": '"%016x" % given.parent_id if given.parent_id else ""',
    "run_id": "scope.run_id",
    "pipeline": "scope.pipeline",
    "orchestrator": "scope.orchestrator",
    "sampled": "scope.sampled",
}
_START: Final = {
    **_IDENTITY,
    "attributes": "given.start_attributes()",
    "process": "this_process()",
    "links": "given.links() if given.span_links else ()",
}
_END: Final = {
    **_IDENTITY,
    "attributes": "given.end_attributes()",
    "status": "given.outcome[0]",
    "duration": "duration",
    "span_name": "given.span_name",
    "span_events": "given.span_events() if given.marks else ()",
    "links": "given.links() if given.span_links else ()",
}
_VOLUME: Final = {
    name: f"None if given.{name} is None else whole(given.{name})" for name in ("size_bytes", "rows")
}
_MEASURED: Final = {"cpu_time": "given.cpu_time", "peak_rss": "peak_rss() if duration >= 1000000 else None"}
_EXCEPTION: Final = {**_END, "kind": "given.failure_kind", "error": "given.outcome[1]"}
_BEFORE: Final = ("scope = given.scope", 'span_id = "%016x" % given.span_id')
_BEFORE_START: Final = (*_BEFORE, "time = given.start_time")
_BEFORE_END: Final = (
    *_BEFORE,
    "duration = given.duration if given.duration > 0 else 1",
    "time = given.start_time + duration",
)


NAMES: Final[dict[str, object]] = {
    "peak_rss": peak_rss,
    "this_process": this_process,
    "whole": coerce.whole,
    "name": coerce.names.__getitem__,
    "text": coerce.text,
    "limit": coerce.NAME_LIMIT,
    "partition": coerce.partition,
}
"""What the expressions of recipes refer to."""


class Recipe(NamedTuple):
    """What one leg of a kind of operation is made of.

    Attributes:
        event: The class of its event.
        values: A Python expression on ``given``, the operation, for each field of the event.
        before: Statements to run first.
        own: Fields that are of this kind of operation, and may be set on it until its end.
    """

    event: type[Event]
    values: dict[str, str]
    before: tuple[str, ...]
    own: tuple[str, ...]

    def compiled(self) -> Callable[[Any], Event]:
        """Return what makes the event of an operation."""
        name = name_of(self.event)
        names = {**NAMES, "code": code_of(name), "verb": name.rpartition(".")[2]}
        return maker(self.event, self.values, before=self.before, names=names)


class RenderedOperation(Operation):
    """An operation whose three events are made from its own fields."""

    clean: Attributes | None = None
    outcome: tuple[Status, Error | None] = ("success", None)
    recipes: ClassVar[tuple[Recipe, Recipe]]
    """Of its start and of its stop."""
    shown: tuple[Attributes, tuple[object, ...]] | None = (
        None  # what its SDK span began with, and its own fields
    )
    _start: ClassVar[Callable[[Any], Event]]
    _stop: ClassVar[Callable[[Any], Event]]
    _exception: ClassVar[Callable[[Any], Event]]

    def __init_subclass__(
        cls,
        *,
        events: tuple[type[Event], type[Event], type[Event]] | None = None,
        own: dict[str, str] | None = None,
        volume: bool = False,
    ) -> None:
        """Compile the makers of a kind of operation.

        Args:
            events: Its start, stop and exception classes; none for a shared base.
            own: An expression on ``given``, the operation, for each field of its own.
            volume: Whether its stop carries ``size_bytes`` and ``rows``.
        """
        super().__init_subclass__()
        if events is None:
            return
        mine = own or {}
        cls.subject = events[0].subject
        start = Recipe(events[0], {**_START, **mine}, _BEFORE_START, tuple(mine))
        mine = {**mine, **(_MEASURED if cls.timed else {})}
        measured = _VOLUME if volume else {}
        stop = Recipe(events[1], {**_END, **measured, **mine}, _BEFORE_END, start.own)
        exception = Recipe(events[2], {**_EXCEPTION, **mine}, _BEFORE_END, start.own)
        cls.recipes = start, stop
        cls._start, cls._stop = staticmethod(start.compiled()), staticmethod(stop.compiled())
        cls._exception = staticmethod(exception.compiled())

    def __call__(self, function: F) -> F:
        """Decorate *function*: each call, or each iteration of a generator, is an operation of its own."""
        return decorate(function, self._again)

    def _again(self) -> Self:
        fresh = object.__new__(type(self))
        vars(fresh).update(vars(self))
        return fresh

    def like_this(self) -> Self:
        """Return a new operation with what this one was made with."""
        fresh = object.__new__(type(self))
        mine = vars(self)
        vars(fresh).update(scope=None, parent_id=0, span_id=0, start_time=0)
        vars(fresh).update({key: mine[key] for key in _MADE_WITH if key in mine})
        if "own_initial" in mine:  # the rest was of the block around an earlier use
            fresh.initial = mine["own_initial"]
        return fresh

    def start_event(self) -> Event:
        """Return the start as an event."""
        return type(self)._start(self)

    def end_event(self) -> Event:
        """Return the end as an event: a stop, or an exception where it failed."""
        if self.failure is None and self.description is None and self.status is None:
            return type(self)._stop(self)  # as most do
        self.outcome = self._judged()
        make = type(self)._stop if self.outcome[0] in _GOOD else type(self)._exception
        return make(self)

    def start_attributes(self) -> Attributes:
        """Return the clean attributes that were given at the start."""
        if self.clean is None:
            self.clean = coerce.attributes(self.initial) if self.initial else NO_ATTRIBUTES
        return self.clean

    def end_attributes(self) -> Attributes:
        """Return the clean attributes as they stood at the end."""
        if self.extra is None:
            return self.start_attributes()
        return coerce.attributes({**self.initial, **self.extra} if self.initial else dict(self.extra))

    def _judged(self) -> tuple[Status, Error | None]:
        if self.status is not None and self.status not in STATUSES:  # code of the user's sets what it likes
            count("value.coerced")
            self.status = None
        if self.failure is not None:
            error = self.failure.render() if isinstance(self.failure, Failure) else self.failure
            return self.status or "failure", error
        if self.description is not None:  # user code called set_status(ERROR)
            return "failure", Error(type="_OTHER", message=self.description)
        status = self.status or "success"
        return status, None if status in _GOOD else Error(type="_OTHER")

    def span_events(self) -> tuple[SpanEvent, ...]:
        """Return what user code marked, clean."""
        return tuple(
            SpanEvent(name=name, time=time, attributes=coerce.attributes(kept))
            for name, time, kept in self.marks or ()
        )

    def links(self) -> tuple[SpanLink, ...]:
        """Return the links that user code added, clean."""
        return tuple(
            SpanLink(trace_id=f"{trace:032x}", span_id=f"{span:016x}", attributes=coerce.attributes(kept))
            for trace, span, kept in self.span_links or ()
        )
