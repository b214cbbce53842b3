"""The resource of what we export: who this process is."""

from __future__ import annotations

import os
import sys
import uuid
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.util.types import AnyValue


def own_version() -> str:
    """Return the version of the installed package, empty where it is not installed."""
    try:
        return version("flowstone")
    except PackageNotFoundError:
        return ""


def instance_id() -> str:
    """Return the id of this process: the same on all of its signals, another one in a forked child."""
    pid = os.getpid()
    if pid not in _instances:
        _instances.clear()
        _instances[pid] = str(uuid.uuid4())
    return _instances[pid]


_instances: dict[int, str] = {}


def make_resource() -> Resource:
    """Return the resource as ``OTEL_*`` and the configured detectors tell it, with our name as the distribution."""
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource

    ours: dict[str, AnyValue] = {
        "service.instance.id": instance_id(),
        "process.pid": os.getpid(),
        "telemetry.distro.name": "flowstone",
        "telemetry.distro.version": own_version(),
    }
    try:
        found = Resource.create()
    except RuntimeError:
        # Detectors run in a thread pool, which refuses to start once the interpreter is leaving.
        found = Resource(
            {
                "telemetry.sdk.language": "python",
                "telemetry.sdk.name": "opentelemetry",
                "service.name": f"unknown_service:{Path(sys.executable).name}",
            }
        ).merge(OTELResourceDetector().detect())
    kept = {key: value for key, value in found.attributes.items() if key != "service.instance.id"}
    said = os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    if "service.instance.id" in said:  # the user's own word; else it must differ in each process
        kept["service.instance.id"] = found.attributes["service.instance.id"]
    return Resource({**ours, **kept}, found.schema_url)
