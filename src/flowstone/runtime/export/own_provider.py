"""The tracer provider of ours, for other libraries' spans. Imports the SDK; import this module late."""

from __future__ import annotations

import os
import threading

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from flowstone.runtime.export.config import Config
from flowstone.runtime.export.processors import HandOver, StampIds
from flowstone.runtime.export.resource import instance_id, make_resource


class OwnProvider(TracerProvider):
    """A stock provider that stamps ids and exports as we do, and whose end is ours to bound."""

    def __init__(self, config: Config) -> None:
        super().__init__(resource=make_resource(), shutdown_on_exit=False)
        self.hand_over = HandOver(config)
        self.add_span_processor(StampIds())
        self.add_span_processor(self.hand_over)

    def _handle_fork(self) -> None:
        """Begin anew in a forked child.

        The SDK runs resource detectors here, in a thread pool, which hangs the child when another
        thread held their lock at the fork. Only ids have changed; so only those are renewed.
        """
        self._tracers_lock = threading.Lock()
        self._update_resource(_process_ids())


def _process_ids() -> Resource:
    said = os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    ids: dict[str, str | int] = {"process.pid": os.getpid()}
    if "service.instance.id" not in said:
        ids["service.instance.id"] = instance_id()
    return Resource(ids)
