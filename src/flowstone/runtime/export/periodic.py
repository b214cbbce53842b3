"""The thread that reads the metrics every so often and sends them to the metric exporters."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from time import monotonic
from typing import TYPE_CHECKING

from flowstone.runtime import stats
from flowstone.runtime.export.config import Config
from flowstone.runtime.export.data import Metric, Scope
from flowstone.runtime.export.exporters import metric_exporters
from flowstone.runtime.export.metric_data import deltas_of, metrics_data
from flowstone.runtime.export.quiet import quietly, warn
from flowstone.runtime.export.resource import make_resource
from flowstone.runtime.export.temporality import Deltas

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope


class _Target:
    """One exporter, and what it was told last."""

    def __init__(self, exporter: MetricExporter, resource: Resource, scope: InstrumentationScope) -> None:
        self.exporter = exporter
        self._deltas: Deltas = deltas_of(exporter)
        self._resource, self._scope = resource, scope

    def tell(self, metrics: Sequence[Metric]) -> bool:
        """Export *metrics*; return whether the receiver took them."""
        from opentelemetry.sdk.metrics.export import MetricExportResult

        told = self._deltas.apply(metrics)
        if not told:
            return True
        try:  # fault wall: whatever an exporter raises means that it failed
            data = metrics_data(told, self._deltas, self._resource, self._scope)
            taken = self.exporter.export(data) is MetricExportResult.SUCCESS
        except Exception as error:
            warn("the metric exporter raised %s: %s", type(error).__name__, error)
            taken = False
        if taken:
            self._deltas.commit()
        else:
            stats.count("export.failed.metrics")
            warn("metrics could not be exported; they are told again with the next export")
        return taken


class Periodic:
    """Exports metrics every ``config.interval`` seconds, and when asked."""

    def __init__(self, config: Config, scope: Scope, read: Callable[[], Sequence[Metric]]) -> None:
        self._config, self._scope, self._read = config, scope, read
        self._targets: list[_Target] | None = None
        self._changed = threading.Condition()
        self._asked = self._done = 0
        self._complete = True
        self._stopping = False
        self._thread: threading.Thread | None = threading.Thread(
            target=self._run, name="flowstone-export-metrics", daemon=True
        )
        try:
            self._thread.start()
        except RuntimeError:  # the interpreter is leaving: who asks will send
            self._thread = None

    def ask(self) -> Callable[[float], bool]:
        """Begin an export; return what waits for it, at most the given seconds, and tells whether all arrived."""
        if self._thread is None:
            return lambda timeout: self._export()
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
        closing = threading.Thread(target=self._shutdown, name="flowstone-export-close", daemon=True)
        try:
            closing.start()
        except RuntimeError:  # the interpreter is leaving; its end closes the connections
            return
        closing.join(max(0.0, min(deadline - monotonic(), 0.2)))

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
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope

        resource, scope = make_resource(), InstrumentationScope(*self._scope)
        return [_Target(made, resource, scope) for made in metric_exporters(self._config)]  # type: ignore[arg-type]

    def _shutdown(self) -> None:
        with quietly():
            for target in self._targets or ():
                try:  # fault wall: a receiver that is gone is no reason to complain at the exit
                    target.exporter.shutdown()
                except Exception:
                    stats.count("export.failed.shutdown")
