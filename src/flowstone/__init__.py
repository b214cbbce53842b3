"""Observability for data orchestrators: spans, metrics, logs and live events from one source.

Everything here is loaded when it is first used; ``import flowstone`` itself costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # as type checkers take it, without the cost of importing typing

if TYPE_CHECKING:
    from flowstone import logger as logger
    from flowstone import telemetry as telemetry
    from flowstone.face.carrying import carry as carry
    from flowstone.face.carrying import environment as environment
    from flowstone.face.checkpoint import Checkpoint as checkpoint
    from flowstone.face.errors import CheckpointDecided as CheckpointDecided
    from flowstone.face.errors import CheckpointExpired as CheckpointExpired
    from flowstone.face.errors import CheckpointInvalid as CheckpointInvalid
    from flowstone.face.errors import CheckpointNotRecorded as CheckpointNotRecorded
    from flowstone.face.errors import FlowstoneError as FlowstoneError
    from flowstone.face.flushing import flush as flush
    from flowstone.face.flushing import shutdown as shutdown
    from flowstone.face.operations import io_load as io_load
    from flowstone.face.operations import io_store as io_store
    from flowstone.face.operations import materialization as materialization
    from flowstone.face.operations import run as run
    from flowstone.face.points import resource_health as resource_health
    from flowstone.face.points import sensor_poll as sensor_poll
    from flowstone.face.points import sensor_trigger as sensor_trigger
    from flowstone.face.resuming import resume_checkpoint as resume_checkpoint

__version__ = "0.1.0"

__all__ = [
    "CheckpointDecided",
    "CheckpointExpired",
    "CheckpointInvalid",
    "CheckpointNotRecorded",
    "FlowstoneError",
    "carry",
    "checkpoint",
    "environment",
    "flush",
    "io_load",
    "io_store",
    "logger",
    "materialization",
    "resource_health",
    "resume_checkpoint",
    "run",
    "sensor_poll",
    "sensor_trigger",
    "shutdown",
    "telemetry",
]

_HOMES = {
    "CheckpointDecided": "flowstone.face.errors",
    "CheckpointExpired": "flowstone.face.errors",
    "CheckpointInvalid": "flowstone.face.errors",
    "CheckpointNotRecorded": "flowstone.face.errors",
    "FlowstoneError": "flowstone.face.errors",
    "carry": "flowstone.face.carrying",
    "checkpoint": "flowstone.face.checkpoint",
    "environment": "flowstone.face.carrying",
    "flush": "flowstone.face.flushing",
    "io_load": "flowstone.face.operations",
    "io_store": "flowstone.face.operations",
    "materialization": "flowstone.face.operations",
    "resource_health": "flowstone.face.points",
    "resume_checkpoint": "flowstone.face.resuming",
    "run": "flowstone.face.operations",
    "sensor_poll": "flowstone.face.points",
    "sensor_trigger": "flowstone.face.points",
    "shutdown": "flowstone.face.flushing",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is not None:
        found = getattr(import_module(home), "Checkpoint" if name == "checkpoint" else name)
    elif name in ("logger", "telemetry"):
        found = import_module(f"flowstone.{name}")
    else:
        raise AttributeError(f"module 'flowstone' has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
