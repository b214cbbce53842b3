"""The thread that reads the metrics every so often and sends them to the metric exporters."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from time import monotonic
from typing import TYPE_CHECKING

from flowstone.runtime import stats, threads
from flowstone.runtime.export.config import Config
from flowstone.runtime.export.data import Metric, Scope
from flowstone.runtime.export.exporters import metric_exporters
from flowstone.runtime.export.metric_data import deltas_of, metrics_data
from flowstone.runtime.export.metric_encode import encode_metric
from flowstone.runtime.export.quiet import quietly, warn
from flowstone.runtime.export.resource import make_resource
from flowstone.runtime.export.sinks import envelope_of, raw_metric_post
from flowstone.runtime.export.temporality import Deltas

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricExporter
    from opentelemetry.sdk.resources import Resource


class _Target:
    """One exporter, and what it was told last.

    The stock OTLP/HTTP exporter gets ready bytes through its own client, any other the SDK's data.
    """

    def __init__(self, exporter: MetricExporter, resource: Resource, scope: Scope, stock: bool) -> None:
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope

        self.exporter = exporter
        self._deltas: Deltas = deltas_of(exporter)
        self._resource, self._scope = resource, InstrumentationScope(*scope)
        self._post = None if stock else raw_metric_post(exporter)
        self._envelope = envelope_of(resource, scope)

    def tell(self, metrics: Sequence[Metric]) -> bool:
        """Export *metrics*; return whether the receiver took them."""
        told = self._deltas.apply(metrics)
        if not told:
            return True
        try:  # fault wall: whatever an exporter raises means that it failed
            taken = self._export(told)
        except Exception as error:
            warn("the metric exporter raised %s: %s", type(error).__name__, error)
            taken = False
        if taken:
            self._deltas.commit()
        else:
            stats.count("export.failed.metrics")
            warn("metrics could not be exported; they are told again with the next export")
        return taken

    def _export(self, told: Sequence[Metric]) -> bool:
        if self._post is not None:
            encoded = [encode_metric(own, self._deltas.is_delta(own)) for own in told]
            # Traces and metrics have the same envelope: the field numbers are the same.
            return bool(getattr(self._post(self._envelope.wrap(encoded)), "success", False))
        from opentelemetry.sdk.metrics.export import MetricExportResult

        data = metrics_data(told, self._deltas, self._resource, self._scope)
        return self.exporter.export(data) is MetricExportResult.SUCCESS


class Periodic:
    """Exports metrics every ``config.interval`` seconds, and when asked."""

    def __init__(self, config: Config, scope: Scope, read: Callable[[], Sequence[Metric]]) -> None:
        self._config, self._scope, self._read = config, scope, read
        self._targets: list[_Target] | None = None
        self._changed = threading.Condition()
        self._asked = self._done = 0
        self._complete = True
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._start()

    def ask(self) -> Callable[[float], bool]:
        """Begin an export; return what waits for it, at most the given seconds, and tells whether all arrived."""
        if not self._start():
            return self._export_here
        with self._changed:
            self._asked += 1
            asked = self._asked
            self._changed.notify_all()

        def wait(timeout: float) -> bool:
            with self._changed:
                arrived = self._changed.wait_for(lambda: self._done >= asked, max(0.0, timeout))
                return arrived and self._complete

        return wait

    def close(self, timeout: float) -> None:
        """End, without a further export; connections are closed if that takes no time."""
        deadline = monotonic() + timeout
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        closing = threads.start(self._shutdown, "flowstone-export-close")
        if closing is not None:  # else the end of the process closes the connections
            closing.join(max(0.0, min(deadline - monotonic(), 0.2)))

    def _start(self) -> bool:
        """Have the thread; return False where it cannot be started: who asks will send, and tries again."""
        if self._thread is None:
            self._thread = threads.start(self._run, "flowstone-export-metrics")
        return self._thread is not None

    def _export_here(self, timeout: float) -> bool:
        """Export on the calling thread; how long that takes is the exporters' to bound."""
        with quietly():
            return self._export()

    def _run(self) -> None:
        with quietly():
            while True:
                with self._changed:
                    self._changed.wait_for(
                        lambda: self._stopping or self._asked > self._done, self._config.interval
                    )
                    if self._stopping:
                        return
                    asked = self._asked
                complete = self._export()
                with self._changed:
                    self._done, self._complete = asked, complete
                    self._changed.notify_all()

    def _export(self) -> bool:
        if self._targets is None:
            self._targets = self._build()
        metrics = self._read()
        taken = [target.tell(metrics) for target in self._targets]
        return bool(taken) and all(taken)

    def _build(self) -> list[_Target]:
        resource, config = make_resource(), self._config
        return [_Target(made, resource, self._scope, config.stock) for made in metric_exporters(config)]  # type: ignore[arg-type]

    def _shutdown(self) -> None:
        with quietly():
            for target in self._targets or ():
                try:  # fault wall: a receiver that is gone is no reason to complain at the exit
                    target.exporter.shutdown()
                except Exception:
                    stats.count("export.failed.shutdown")
