"""Polls: one evaluation of a sensor or schedule, wherever its body runs."""

from __future__ import annotations

import uuid
from collections.abc import Callable, MutableSequence, Sequence
from contextlib import AbstractContextManager, nullcontext
from time import perf_counter_ns, time_ns
from typing import Final, Literal, Protocol

from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from flowstone.hosting import Scope, derive_span_id, emit, scope
from flowstone.plugin import Error, SensorPoll
from flowstone_dagster.failures import error_of_info, original
from flowstone_dagster.identity import CORRELATION_TAG, TRIGGER_TAG
from flowstone_dagster.wall import walled

Instigator = Literal["sensor", "schedule"]
Result = Literal["triggered", "skipped", "error"]
_CURSOR_LIMIT: Final = 256
_MESSAGE_LIMIT: Final = 1024


class Definition(Protocol):
    """A ``SensorDefinition`` or ``ScheduleDefinition``."""

    @property
    def name(self) -> str:
        """Its name."""
        ...


class Request(Protocol):
    """A ``RunRequest``."""

    @property
    def tags(self) -> dict[str, str]:
        """The tags of the run that it asks for."""
        ...

    def with_replaced_attrs(self, *, tags: dict[str, str]) -> Request:
        """Return the request with other tags."""
        ...


class Tick:
    """One evaluation under way; the root of a trace of its own.

    Attributes:
        scope: Its trace and correlation id.
    """

    __slots__ = ("_attributes", "_began", "_sensor", "_started", "scope", "span_id")

    def __init__(self, definition: Definition, context: object, instigator: Instigator) -> None:
        once = uuid.uuid4().hex  # Dagster does not tell the tick's id to where its body runs
        self._sensor = definition.name
        self._attributes: dict[str, object] = {"flowstone.dagster.instigator": instigator}
        scheduled = getattr(context, "_scheduled_execution_time", None)
        if scheduled is not None:
            self._attributes["flowstone.dagster.scheduled_time"] = scheduled.isoformat()
        self.scope: Scope = scope("dagster", once).of_run(correlation_id="", run_id="", pipeline="")
        self.span_id = derive_span_id("poll", once)
        self._began, self._started = time_ns(), perf_counter_ns()

    def current(self) -> AbstractContextManager[object]:
        """Make the poll the current span of its body."""
        flags = TraceFlags(TraceFlags.SAMPLED if self.scope.sampled else TraceFlags.DEFAULT)
        context = SpanContext(self.scope.trace_id, self.span_id, is_remote=False, trace_flags=flags)
        return trace.use_span(
            NonRecordingSpan(context), record_exception=False, set_status_on_exception=False
        )

    @walled
    def returned(self, data: object) -> None:
        """Tell what the body came to, and give its trace to the runs that it asks for."""
        requests = getattr(data, "run_requests", None) or ()
        self._mark(requests)
        message = getattr(data, "skip_message", None)
        if message:
            self._attributes["flowstone.dagster.skip_message"] = str(message)[:_MESSAGE_LIMIT]
        cursor = getattr(data, "cursor", None)
        if cursor:
            self._attributes["flowstone.sensor.cursor"] = str(cursor)[:_CURSOR_LIMIT]
        self._attributes["flowstone.dagster.run_requests"] = len(requests)
        fault = _fault_of(getattr(data, "dagster_run_reactions", None) or ())
        self._tell("error" if fault else "triggered" if requests else "skipped", fault)

    @walled
    def raised(self, error: BaseException) -> None:
        """Tell that the body raised."""
        self._tell("error", original(error))

    def _tell(self, result: Result, error: BaseException | Error | None) -> None:
        duration = max(perf_counter_ns() - self._started, 1)
        emit(
            SensorPoll,
            scope=self.scope,
            span_id=self.span_id,
            time=self._began + duration,
            sensor=self._sensor,
            result=result,
            duration=duration,
            error=error,
            attributes=self._attributes,
        )

    def _mark(self, requests: Sequence[Request]) -> None:
        if not isinstance(requests, MutableSequence):
            return  # nothing asked for, or a Dagster that keeps them in another way
        flags = "01" if self.scope.sampled else "00"
        own = {
            CORRELATION_TAG: self.scope.correlation_id,
            TRIGGER_TAG: f"00-{self.scope.trace_hex}-{self.span_id:016x}-{flags}",
        }
        for place, request in enumerate(requests):
            requests[place] = request.with_replaced_attrs(tags={**own, **request.tags})


def _fault_of(reactions: Sequence[object]) -> Error | None:
    """Return what a run status sensor raised: Dagster catches it, and tells it as a reaction."""
    info = next((info for one in reactions if (info := getattr(one, "error", None)) is not None), None)
    return error_of_info(info, "") if info is not None else None


@walled
def _begin(definition: Definition, context: object, instigator: Instigator) -> Tick:
    return Tick(definition, context, instigator)


@walled
def _current(tick: Tick) -> AbstractContextManager[object]:
    return tick.current()


def watched(
    instigator: Instigator, definition: Definition, context: object, body: Callable[[], object]
) -> object:
    """Evaluate *body* as a poll of *definition*."""
    tick = _begin(definition, context, instigator)
    if tick is None:
        return body()
    try:
        with _current(tick) or nullcontext():
            data = body()
    except BaseException as error:
        tick.raised(error)
        raise
    tick.returned(data)
    return data
