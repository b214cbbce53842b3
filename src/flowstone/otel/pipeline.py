"""From batches of events to spans and metrics on their way out, for one process."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from time import monotonic

from flowstone.catalogue.event import Event
from flowstone.catalogue.values import Attributes
from flowstone.otel.cells import HistogramCells
from flowstone.otel.names import SCHEMA_URL, SCOPE
from flowstone.otel.recording import Metrics
from flowstone.otel.spans import Spans
from flowstone.otel.templates import Encoder
from flowstone.otel.tracing import OtelTracing
from flowstone.runtime import stats
from flowstone.runtime.export.data import Metric, Scope
from flowstone.runtime.export.meters import Record
from flowstone.runtime.export.metric_route import MetricRoute
from flowstone.runtime.export.resource import own_version
from flowstone.runtime.export.router import Router
from flowstone.runtime.export.routes import CompatRoute, Route

LOSSES = ("export.dropped.", "export.failed.")


def _in_time(timeout: float) -> float:
    """Return a little less than *timeout*: the answer, and the count of what was lost, must come before its end."""
    return timeout - min(0.1, timeout / 10)


class Pipeline:
    """What the plugin is made of. A forked child makes its own: empty queues, new threads, zero counts."""

    def __init__(self, observe: Callable[[], Sequence[Metric]] | None = None) -> None:
        scope = Scope(SCOPE, own_version(), SCHEMA_URL)
        self.pid = os.getpid()
        self.router = Router(scope)
        self.metrics = Metrics()
        self.tracing: OtelTracing | None = None
        self._started: dict[str, Attributes] = {}
        self._spans = Spans()
        self._encoder = Encoder(self._spans)
        self._metric_route = MetricRoute(
            self.router.config,
            scope,
            self.metrics.blank(),
            read=partial(self.read, renew=True),
            observe=observe or self.read,
            listen=self._listen,
        )

    def trace(self) -> OtelTracing:
        """Return how this process traces, decided anew."""
        self.tracing = OtelTracing(self.router, self._started)
        return self.tracing

    def take(self, batch: Sequence[Event]) -> None:
        """Make spans and metrics of a batch."""
        self._metric_route.prepare()
        self.metrics.record(batch)
        route = self.router.route()
        if self._started or isinstance(route, CompatRoute):
            self._take_late(batch, route)
            return
        if route.takes_bytes:
            encode = self._encoder.of
            encoded = [made for event in batch if event.sampled and (made := encode(event)) is not None]
            if encoded:
                route.export_encoded(encoded)
            return
        make = self._spans.of
        spans = [span for event in batch if event.sampled and (span := make(event)) is not None]
        if spans:
            route.export(spans)

    def _take_late(self, batch: Sequence[Event], route: Route) -> None:
        """Export what had no SDK span at its time: begun before the provider was set, or before a fork."""
        tracing = self.tracing or self.trace()
        for event in batch:
            if tracing.saw(event) or not event.sampled:
                continue
            span = self._spans.of(event)
            if span is None:
                continue
            if isinstance(route, CompatRoute):
                tracing.late(span)
            else:
                route.export([span])

    def read(self, renew: bool = False) -> list[Metric]:
        """Return the metrics as they stand, with our own losses among them."""
        for key, lost in stats.snapshot().items():
            if key.startswith(LOSSES):
                self.metrics.put("flowstone.telemetry.dropped", (key,), lost)
        return self.metrics.read(renew)

    def _listen(self, recorders: Mapping[str, Record]) -> None:
        """Let the histograms of a meter provider hear each measurement."""
        for name, cells in self.metrics.cells.items():
            if isinstance(cells, HistogramCells):
                cells.listener = recorders.get(name)

    def flush(self, timeout: float) -> bool:
        """Deliver spans and metrics side by side, within *timeout* seconds; True if receivers took all."""
        deadline = monotonic() + _in_time(timeout)
        metrics_arrived = self._metric_route.ask()
        spans = self.router.route().flush(max(0.0, deadline - monotonic()))
        return metrics_arrived(max(0.0, deadline - monotonic())) and spans

    def close(self, timeout: float) -> bool:
        """Deliver, and end; what could not be delivered is counted as dropped."""
        deadline = monotonic() + _in_time(timeout)
        metrics_arrived = self._metric_route.ask()
        spans = self.router.route().close(max(0.0, deadline - monotonic()))
        metrics = metrics_arrived(max(0.0, deadline - monotonic()))
        self._metric_route.close(max(0.0, deadline - monotonic()))
        return spans and metrics
