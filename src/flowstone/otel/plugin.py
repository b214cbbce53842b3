"""The plugin ``otel``: spans and metrics of every event, exported by OpenTelemetry."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

from flowstone.catalogue.event import Event
from flowstone.otel.pipeline import Pipeline
from flowstone.plugin import hookimpl
from flowstone.runtime import tracing
from flowstone.runtime.export.data import Metric


class OtelPlugin:
    """Registered like anybody's plugin; its work is done by the pipeline of the process."""

    def __init__(self) -> None:
        self._pipeline: Pipeline | None = None
        tracing.use(lambda: self.pipeline().trace())
        _registered.append(self)
        del _registered[:-1]  # the newest

    def pipeline(self) -> Pipeline:
        """Return the pipeline of this process; a forked child gets its own."""
        pipeline = self._pipeline
        if pipeline is None or pipeline.pid != os.getpid():
            # Late bound, for a provider that outlives a fork must read the child's cells.
            pipeline = self._pipeline = Pipeline(observe=metrics_snapshot)
        return pipeline

    def metrics(self) -> Sequence[Metric]:
        """Return the metrics of this process as they stand."""
        return self.pipeline().read()

    @hookimpl
    def on_events(self, batch: Sequence[Event]) -> None:
        """Make spans and metrics of a batch."""
        self.pipeline().take(batch)

    @hookimpl
    def flush(self, timeout: float) -> bool:
        """Export; True only when receivers took all that was emitted since the last flush."""
        return self.pipeline().flush(timeout)

    @hookimpl
    def shutdown(self, timeout: float) -> bool:
        """Export, and end; what is left after *timeout* seconds is counted as dropped."""
        return self.pipeline().close(timeout)


_registered: Final[list[OtelPlugin]] = []


def metrics_snapshot() -> list[Metric]:
    """Return the metrics of this process as they stand; empty where the plugin is not registered."""
    return list(_registered[-1].metrics()) if _registered else []
