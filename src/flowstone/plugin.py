"""What plugins are written against: hooks, event classes, identity, settings."""

from __future__ import annotations

from typing import Any

from flowstone.catalogue.checkpoint import (
    CheckpointApproved,
    CheckpointRejected,
    CheckpointRequested,
    CheckpointTimeout,
)
from flowstone.catalogue.codec import decode, encode, to_dict
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
from flowstone.runtime import emission
from flowstone.runtime.context import OPERATION_KEY, get_context
from flowstone.runtime.home import home
from flowstone.runtime.operation import Operation
from flowstone.runtime.process import start_time, this_process
from flowstone.runtime.settings import Settings, settings
from flowstone.runtime.stats import count
from flowstone.runtime.stats import snapshot as stats

__all__ = [
    "CheckpointApproved",
    "CheckpointRejected",
    "CheckpointRequested",
    "CheckpointTimeout",
    "CustomEvent",
    "Error",
    "Event",
    "EventDropped",
    "IoLoadException",
    "IoLoadStart",
    "IoLoadStop",
    "IoStoreException",
    "IoStoreStart",
    "IoStoreStop",
    "MaterializationException",
    "MaterializationStart",
    "MaterializationStop",
    "Operation",
    "OperationEnd",
    "OperationException",
    "OperationStart",
    "Partition",
    "PluginFailed",
    "PluginQuarantined",
    "Process",
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
    "count",
    "current",
    "decode",
    "emit",
    "encode",
    "event",
    "home",
    "hookimpl",
    "partition_text",
    "settings",
    "start_time",
    "stats",
    "this_process",
    "to_dict",
]


def current() -> Operation | None:
    """Return the operation that the caller is inside of, if any."""
    found: Operation | None = get_context().get(OPERATION_KEY)  # type: ignore[assignment]
    return found


def emit(event_class: type[Event], **fields: Any) -> None:
    """Emit an event of *event_class* with the caller's identity; never raises.

    Args:
        event_class: A class of the catalogue.
        fields: Its own fields, and any that shall differ from the caller's identity.
    """
    emission.emit(event_class, fields)
