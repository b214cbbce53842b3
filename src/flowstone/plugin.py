"""What plugins are written against: hooks, event classes, identity, settings."""

from __future__ import annotations

from typing import Any, Final

from flowstone.catalogue.checkpoint import (
    CheckpointApproved,
    CheckpointRejected,
    CheckpointRequested,
    CheckpointTimeout,
)
from flowstone.catalogue.codec import decode, encode, to_dict
from flowstone.catalogue.columns import dicts_of, encode_many
from flowstone.catalogue.event import CustomEvent, Event, Process, event
from flowstone.catalogue.house import EventDropped, PluginFailed, PluginQuarantined
from flowstone.catalogue.io import (
    IoLoadException,
    IoLoadStart,
    IoLoadStop,
    IoStoreException,
    IoStoreStart,
    IoStoreStop,
)
from flowstone.catalogue.materialization import (
    MaterializationException,
    MaterializationStart,
    MaterializationStop,
)
from flowstone.catalogue.operation import OperationEnd, OperationException, OperationStart
from flowstone.catalogue.resource import ResourceHealthCheck
from flowstone.catalogue.run import RunException, RunHeartbeat, RunStart, RunStop
from flowstone.catalogue.sensor import SensorPoll, SensorTrigger
from flowstone.catalogue.values import Error, Partition, SpanEvent, SpanLink, partition_text
from flowstone.dispatch.markers import hookimpl
from flowstone.runtime import emission, roots, terminal
from flowstone.runtime.checks import HealthCheck, HealthResult
from flowstone.runtime.context import OPERATION_KEY, get_context
from flowstone.runtime.counting import Counting
from flowstone.runtime.decorating import decorate
from flowstone.runtime.home import home, placed
from flowstone.runtime.inherited import root_attributes
from flowstone.runtime.measures import Measure, measure
from flowstone.runtime.operation import Operation
from flowstone.runtime.process import start_time, this_process
from flowstone.runtime.providing import provided
from flowstone.runtime.queues import QueueState
from flowstone.runtime.redaction import is_secret, redact
from flowstone.runtime.refusals import Refused
from flowstone.runtime.roots import correlated, correlation_in
from flowstone.runtime.scope import CORRELATION_ID, Scope
from flowstone.runtime.scope import NO_TRACE as _NO_TRACE
from flowstone.runtime.settings import Settings, settings
from flowstone.runtime.stats import count
from flowstone.runtime.stats import snapshot as stats
from flowstone.runtime.threads import start as start_thread
from flowstone.runtime.variables import Variables
from flowstone.runtime.vitals import Vitals, vitals

__all__ = [
    "CORRELATION_ID",
    "NO_TRACE",
    "CheckpointApproved",
    "CheckpointRejected",
    "CheckpointRequested",
    "CheckpointTimeout",
    "Counting",
    "CustomEvent",
    "Error",
    "Event",
    "EventDropped",
    "HealthCheck",
    "HealthResult",
    "Identity",
    "IoLoadException",
    "IoLoadStart",
    "IoLoadStop",
    "IoStoreException",
    "IoStoreStart",
    "IoStoreStop",
    "MaterializationException",
    "MaterializationStart",
    "MaterializationStop",
    "Measure",
    "Operation",
    "OperationEnd",
    "OperationException",
    "OperationStart",
    "Partition",
    "PluginFailed",
    "PluginQuarantined",
    "Process",
    "QueueState",
    "Refused",
    "ResourceHealthCheck",
    "RunException",
    "RunHeartbeat",
    "RunStart",
    "RunStop",
    "SensorPoll",
    "SensorTrigger",
    "Settings",
    "SpanEvent",
    "SpanLink",
    "Variables",
    "Vitals",
    "correlated",
    "correlation_in",
    "count",
    "current",
    "decode",
    "decorate",
    "dicts_of",
    "emit",
    "encode",
    "encode_many",
    "event",
    "get_context",
    "home",
    "hookimpl",
    "identity",
    "is_secret",
    "measure",
    "partition_text",
    "placed",
    "provided",
    "redact",
    "root_attributes",
    "settings",
    "start_thread",
    "start_time",
    "stats",
    "terminal",
    "this_process",
    "to_dict",
    "vitals",
]


def current() -> Operation | None:
    """Return the operation that the caller is inside of, if any."""
    found: Operation | None = get_context().get(OPERATION_KEY)  # type: ignore[assignment]
    return found


class Identity(dict[str, str]):
    """Whose something is, as fields of an event; made by ``identity``."""

    __slots__ = ("parent_id", "scope")

    def __init__(self, scope: Scope, parent_id: int) -> None:
        super().__init__(
            correlation_id=scope.correlation_id,
            trace_id=scope.trace_hex,
            parent_id=f"{parent_id:016x}" if parent_id else "",
            run_id=scope.run_id,
            pipeline=scope.pipeline,
            orchestrator=scope.orchestrator,
        )
        self.scope = scope
        self.parent_id = parent_id


NO_TRACE: Final = Identity(_NO_TRACE, 0)
"""The identity of facts of a process that belong to no run: they make no trace of their own, only log records."""


def identity(subject: str = "") -> Identity:
    """Return whose the caller is: correlation, trace, parent and run id, pipeline, orchestrator.

    Inside of an operation they are that operation's; elsewhere those of the span or process around, or new
    ones. ``emit(MyEvent, identity(), ...)`` belongs to the same.

    Args:
        subject: What begins, where a new trace has to be sampled.
    """
    return Identity(*roots.scope_in(get_context(), subject))


def emit(event_class: type[Event], whose: Identity | None = None, /, **fields: Any) -> None:
    """Emit an event of *event_class* with the caller's identity; never raises.

    Args:
        event_class: A class of the catalogue.
        whose: An identity that was asked for before, instead.
        fields: Its own fields, and any that shall differ from the identity.
    """
    if whose is None:
        emission.emit(event_class, fields)
    else:
        emission.emit(event_class, fields, scope=whose.scope, parent_id=whose.parent_id)
