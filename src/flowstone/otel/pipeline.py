"""From batches of events to spans, metrics and log records on their way out, for one process."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from time import monotonic, time_ns
from typing import Final, TypeVar

from flowstone.catalogue.event import Event
from flowstone.catalogue.house import EventDropped
from flowstone.otel import process
from flowstone.otel.cells import HistogramCells
from flowstone.otel.instruments import INSTRUMENTS, of_plugins
from flowstone.otel.log_events import LogEvents
from flowstone.otel.log_templates import RecordEncoder
from flowstone.otel.names import SCHEMA_URL, SCOPE
from flowstone.otel.recording import Metrics
from flowstone.otel.spans import Spans
from flowstone.otel.templates import Encoder
from flowstone.otel.tracing import OtelTracing, Started
from flowstone.runtime import measures, stats
from flowstone.runtime.export.data import LogData, Metric, Scope
from flowstone.runtime.export.limits import DEFAULT_LIMITS
from flowstone.runtime.export.log_route import LogRoute
from flowstone.runtime.export.meters import Record
from flowstone.runtime.export.metric_route import MetricRoute
from flowstone.runtime.export.resource import own_version
from flowstone.runtime.export.router import Router
from flowstone.runtime.export.routes import CompatRoute, Route
from flowstone.runtime.settings import settings
from flowstone.runtime.severities import level_of

T = TypeVar("T")

EXPORTED: Final = frozenset({"spans", "logs"})
LOSSES = ("export.dropped.", "export.failed.")


def _is_export_loss(event: Event) -> bool:
    """Tell whether *event* tells of what exporters lost: ``read`` counts that already."""
    return isinstance(event, EventDropped) and event.event in EXPORTED


def _made(make: Callable[[Event], T | None], batch: Sequence[Event]) -> list[T]:
    """Return what *make* makes of the sampled events; one that it cannot make anything of costs no other."""
    try:
        return [made for event in batch if event.sampled and (made := make(event)) is not None]
    except Exception:
        if len(batch) > 1:
            return [made for event in batch for made in _made(make, (event,))]
        stats.count("export.failed.spans")
        return []


def _in_time(timeout: float) -> float:
    """Return a little less than *timeout*: the answer, and the count of what was lost, must come before its end."""
    return timeout - min(0.1, timeout / 10)


class Pipeline:
    """What the plugin is made of. A forked child makes its own: empty queues, new threads, zero counts."""

    def __init__(self, observe: Callable[[], Sequence[Metric]] | None = None) -> None:
        scope = Scope(SCOPE, own_version(), SCHEMA_URL)
        self.pid = os.getpid()
        self.router = Router(scope)
        self.metrics = Metrics(
            (*INSTRUMENTS, *process.PROCESS, *of_plugins()), exemplars=self.router.config.exemplars
        )
        self.tracing: OtelTracing | None = None
        self._started: Started = {}
        self._spans = Spans()
        self._encoder = Encoder(self._spans, self.router.config.limits)
        lowest = settings("FLOWSTONE_OTEL").parsed("LOG_LEVEL", "info", level_of)
        self._logs, self._log_encoder = LogEvents(lowest), RecordEncoder(lowest)
        self._log_route = LogRoute(self.router.config, scope)
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
        """Make spans, metrics and log records of a batch."""
        self._metric_route.prepare()
        if EventDropped in map(type, batch):
            self.metrics.record([event for event in batch if not _is_export_loss(event)])
        else:
            self.metrics.record(batch)
        if self._log_route.wanted():
            self._take_logs(batch)
        route = self.router.route()
        if self._started or isinstance(route, CompatRoute):
            self._take_late(batch, route)
            return
        if route.takes_bytes:
            encoded = _made(self._encoder.of, batch)
            if encoded:
                route.export_encoded(encoded)
            return
        spans = _made(self._spans.of, batch)
        if spans:
            route.export(spans)

    def _take_logs(self, batch: Sequence[Event]) -> None:
        if not self._log_route.takes_bytes or self.router.config.record_limits != DEFAULT_LIMITS:
            records: list[LogData | bytes] = [*self._logs.of(batch)]
        else:
            now, encode, make = time_ns(), self._log_encoder.of, self._logs.one
            made = [encode(event, now) or make(event, now) for event in batch]
            records = [record for record in made if record is not None]
        if records:
            self._log_route.export(records)

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
        """Return the metrics as they stand, with our own losses and what the process uses among them."""
        for key, lost in stats.snapshot().items():
            if key.startswith(LOSSES):
                self.metrics.put("flowstone.telemetry.dropped", (key,), lost)
        for name, series, value in process.observe():
            self.metrics.put(name, series, value)
        for name, series, value in measures.readings():
            self.metrics.put(name, series, value)
        return self.metrics.read(renew)

    def _listen(self, recorders: Mapping[str, Record]) -> None:
        """Let the histograms of a meter provider hear each measurement."""
        for name, cells in self.metrics.cells.items():
            if isinstance(cells, HistogramCells):
                cells.listener = recorders.get(name)

    def flush(self, timeout: float) -> bool:
        """Deliver all signals side by side, within *timeout* seconds; True if receivers took all."""
        deadline = monotonic() + _in_time(timeout)
        metrics_arrived = self._metric_route.ask()
        self._log_route.hurry()
        spans = self.router.route().flush(max(0.0, deadline - monotonic()))
        logs = self._log_route.flush(max(0.0, deadline - monotonic()))
        return metrics_arrived(max(0.0, deadline - monotonic())) and spans and logs

    def close(self, timeout: float) -> bool:
        """Deliver, and end; what could not be delivered is counted as dropped."""
        deadline = monotonic() + _in_time(timeout)
        metrics_arrived = self._metric_route.ask()
        self._log_route.hurry()
        spans = self.router.route().close(max(0.0, deadline - monotonic()))
        logs = self._log_route.close(max(0.0, deadline - monotonic()))
        metrics = metrics_arrived(max(0.0, deadline - monotonic()))
        self._metric_route.close(max(0.0, deadline - monotonic()))
        return spans and logs and metrics
