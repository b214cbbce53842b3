"""The base of every event, and the decorator that turns a class into one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, TypeVar, dataclass_transform

from flowstone.catalogue import names
from flowstone.catalogue.values import NO_ATTRIBUTES, Attributes, SpanLink


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """Which process an operation runs in; enough to tell later whether it still lives.

    Attributes:
        host: Host name.
        boot_id: The host's boot, so that a reboot is not mistaken for a living pid.
        pid: Process id.
        start_time: Start of the process as the kernel tells it (clock ticks since boot on
            Linux), so that a reused pid is not mistaken for the same process.
    """

    host: str
    boot_id: str
    pid: int
    start_time: int


@dataclass(frozen=True, kw_only=True)
class Event:
    """What every event carries.

    Attributes:
        name: Event name, such as ``materialization.start``.
        id: 32 hex digits, time-prefixed and deterministic: two observers of one fact make the same.
        time: Unix time in nanoseconds.
        correlation_id: Finds everything that belongs together; 1-128 printable ASCII characters.
        trace_id: 32 hex digits.
        span_id: 16 hex digits; of the operation the event tells about.
        parent_id: 16 hex digits of the enclosing operation's span, empty at a root.
        run_id: The run's id in its orchestrator.
        pipeline: Name of the DAG, job, flow or pipeline; empty where there is none.
        orchestrator: ``python``, ``dagster``, ``airflow``, ``prefect`` or ``kedro``.
        sampled: Whether the trace is sampled for export; audit and live messages ignore it.
        attributes: What the user or the host added.
    """

    __slots__ = ()
    subject: ClassVar[str] = ""

    name: str = ""
    id: str = ""
    time: int = 0
    correlation_id: str = ""
    trace_id: str = ""
    span_id: str = ""
    parent_id: str = ""
    run_id: str = ""
    pipeline: str = ""
    orchestrator: str = "python"
    sampled: bool = True
    attributes: Attributes = NO_ATTRIBUTES


E = TypeVar("E", bound=Event)


@dataclass_transform(kw_only_default=True, frozen_default=True)
def event(*, subject: str) -> Callable[[type[E]], type[E]]:
    """Make a class an event of *subject*: frozen, slotted, keyword-only, its name derived.

    Raises:
        ValueError: The class name does not begin with the subject's words.
    """

    def decorate(cls: type[E]) -> type[E]:
        name = names.name_of_class(cls.__name__, subject)
        cls.subject = subject
        cls.__annotations__["name"] = "str"
        cls.name = name  # the default of the field, set before dataclass reads it
        return dataclass(frozen=True, slots=True, kw_only=True)(cls)

    return decorate


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomEvent(Event):
    """An event under a name that the catalogue does not know.

    When: ``telemetry.execute`` is called with an unknown name.
    Guarantees: delivered and counted like any other; measurements and metadata are its attributes.
    Not emitted: for names that a plugin has added by ``provide_events``; those have their own class.

    Attributes:
        links: Spans it follows from.
    """

    links: tuple[SpanLink, ...] = ()
