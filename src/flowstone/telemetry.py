"""Events by name: execute, span, attach and detach, in the manner of Erlang's ``telemetry``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from time import perf_counter_ns
from typing import Any, TypeVar

from flowstone.catalogue import names
from flowstone.catalogue.event import CustomEvent
from flowstone.face.prefixes import as_operation
from flowstone.runtime import emission, engine
from flowstone.runtime.block import Block, Enclosing
from flowstone.runtime.control import Control
from flowstone.runtime.failure import Failure, outcome
from flowstone.runtime.handlers import Handler
from flowstone.runtime.stats import count

__all__ = [
    "attach",
    "attach_default_handlers",
    "block",
    "detach",
    "events",
    "execute",
    "list_handlers",
    "metrics",
    "span",
]

Name = str | Sequence[str]
T = TypeVar("T")

DEFAULT_HANDLER = "flowstone-default-logger"
_WAIT_S = 2.0


def events() -> list[str]:
    """Return the names of all events of the catalogue, those of plugins included."""
    return engine.current().plugins.catalogue.names()


def execute(
    name: Name, measurements: Mapping[str, object] | None = None, metadata: Mapping[str, object] | None = None
) -> None:
    """Emit the event *name*; never raises.

    Args:
        name: With or without the prefix ``flowstone``, as text or sequence. An unknown name is
            delivered as a ``CustomEvent`` and counted.
        measurements: Numbers: ``duration`` (ns), ``size_bytes``, ``rows``, ...
        metadata: The event's other fields; what the event does not have becomes its attributes.
    """
    try:
        known, fields = names.normalise(name), {**(metadata or {}), **(measurements or {})}
    except Exception:  # no name, or no mappings
        count("event.dropped.unknown")
        return
    _emit(known, fields)


def _emit(name: str, fields: Mapping[str, object], block: Enclosing | None = None) -> None:
    cls = engine.current().plugins.catalogue.get(name) or CustomEvent
    if cls is CustomEvent:
        count("event.unknown")
    named = name if cls is CustomEvent else ""
    if block is None:
        emission.emit(cls, fields, name=named)
    elif block.begun:
        own = {**(block.initial or {}), **fields}
        emission.emit(
            cls, own, scope=block.scope, span_id=block.span_id, parent_id=block.parent_id, name=named
        )


def span(prefix: Name, metadata: Mapping[str, object], function: Callable[[], T]) -> T:
    """Call *function* between ``<prefix>.start`` and ``<prefix>.stop``, and return what it returns.

    Where it raises, ``<prefix>.exception`` is emitted with ``kind`` and ``error``, and the
    exception passes on unchanged. The prefixes ``run``, ``materialization``, ``io.load`` and
    ``io.store`` make these operations, any other a ``block``; what *function* begins is below it.
    """
    name = names.normalise(prefix)
    operation = as_operation(name, metadata)
    if operation is None and engine.current().plugins.catalogue.get(f"{name}.start") is None:
        operation = Block(name, metadata)
    if operation is not None:
        with operation:
            return function()
    return _enclosed(name, metadata, function)


def block(name: Name, attributes: Mapping[str, object] | None = None) -> Block:
    """Return an operation under a name of your own: a context manager, or a decorator.

    It has a span called *name* and the events ``<name>.start``, then ``<name>.stop`` or ``<name>.exception``; what is
    begun inside is below it.

    Args:
        name: Such as ``quality.check``.
        attributes: Added to the span and to the events; more can be set on the span inside.
    """
    return Block(names.normalise(name), attributes)


def _enclosed(name: str, metadata: Mapping[str, object], function: Callable[[], T]) -> T:
    """Call *function* between the events *name* that a plugin has defined."""
    block = Enclosing(name)
    _emit(f"{name}.start", metadata, block)
    began = perf_counter_ns()
    try:
        result = block.around(function)
    except BaseException as error:
        took = max(perf_counter_ns() - began, 1)
        status, kind = outcome(error)
        told: dict[str, object] = {
            "duration": took,
            "status": status,
            "kind": kind,
            "error": Failure(error).render(),
        }
        _emit(f"{name}.exception", {**metadata, **(block.extra or {}), **told}, block)
        raise
    took = max(perf_counter_ns() - began, 1)
    _emit(f"{name}.stop", {**metadata, **(block.extra or {}), "duration": took}, block)
    return result


def attach(id: str, events: Name | Collection[Name], handler: Handler) -> None:
    """Call *handler* with each event of the given names from here on, from the drain.

    Args:
        id: Name of the attachment.
        events: One name, several, or nothing for all events.
        handler: Takes the event. One that raises is detached, and the failure is told.

    Raises:
        ValueError: The id is taken.
    """
    handlers = engine.current().handlers
    wanted = [events] if isinstance(events, str) else list(events)
    attached = handlers.reserve(id, {names.normalise(name) for name in wanted}, handler)
    _in_stream(lambda: handlers.activate(attached), wait=False)


def detach(id: str) -> bool:
    """Stop calling the handler *id*, after it has had all that was emitted before; return whether there was one.

    Nothing reaches the handler after this returns.
    """
    running = engine.current()
    known = any(one.id == id for one in running.handlers.list())
    if known:
        _in_stream(lambda: None, wait=True)
    return running.handlers.remove(id)


def _in_stream(action: Callable[[], None], *, wait: bool) -> None:
    control = Control(action)
    drain = engine.current().drain
    if wait and not drain.is_this_thread():
        drain.reach(control, _WAIT_S)
    else:
        drain.queue(control)


def list_handlers() -> list[tuple[str, frozenset[str]]]:
    """Return id and event names of the attached handlers; no names mean all events."""
    return [(one.id, one.events) for one in engine.current().handlers.list()]


def attach_default_handlers() -> None:
    """Attach the JSON log handler: one line per event through the logger ``flowstone.events``."""
    from flowstone.face.log_handler import JsonLines

    if not any(one.id == DEFAULT_HANDLER for one in engine.current().handlers.list()):
        attach(DEFAULT_HANDLER, [], JsonLines())


def metrics() -> list[Any]:
    """Return the current values of flowstone's own metrics in this process."""
    from flowstone.otel.plugin import metrics_snapshot

    engine.drain(_WAIT_S)
    return list(metrics_snapshot())
