"""The endpoint that Prometheus scrapes: our cells, read when it asks."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from flowstone.runtime import stats, threads
from flowstone.runtime.export.data import Metric, Scope
from flowstone.runtime.export.importing import patient
from flowstone.runtime.export.metric_data import metrics_data
from flowstone.runtime.export.quiet import quietly, warn
from flowstone.runtime.export.resource import make_resource
from flowstone.runtime.export.temporality import Deltas

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricReader, MetricsData
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

NAME: Final = "prometheus"
DEFAULT_HOST: Final = "localhost"
DEFAULT_PORT: Final = 9464


def address() -> tuple[str, int]:
    """Return host and port of the endpoint, as ``OTEL_EXPORTER_PROMETHEUS_HOST`` and ``_PORT`` say.

    Raises:
        ValueError: The port is no number.
    """
    host = os.environ.get("OTEL_EXPORTER_PROMETHEUS_HOST", "").strip() or DEFAULT_HOST
    return host, int(os.environ.get("OTEL_EXPORTER_PROMETHEUS_PORT", "").strip() or DEFAULT_PORT)


def _packages() -> tuple[Callable[[], MetricReader], Callable[..., InstrumentationScope], Callable[..., Any]]:
    """Import what serves.

    Raises:
        ImportError: It is not installed.
    """
    from opentelemetry.exporter.prometheus import PrometheusMetricReader
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from prometheus_client import start_http_server

    return PrometheusMetricReader, InstrumentationScope, start_http_server


class Scraped:
    """Serves the metrics of this process while it lives.

    It is one process's: a child that is forked, or a second process on the same port, cannot serve
    too. That is counted as ``export.failed.scrape`` and told in the log.
    """

    def __init__(self, scope: Scope, read: Callable[[], Sequence[Metric]]) -> None:
        self._scope, self._read = scope, read
        self._reader: MetricReader | None = None
        self._server: Any = None
        self._lock = threading.Lock()
        self._closed = False
        if threads.start(self._open, "flowstone-export-scrape") is None:
            stats.count("export.failed.scrape")  # a server is a thread too

    def close(self) -> None:
        """Stop serving."""
        with self._lock:
            self._closed = True
            server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()
        if self._reader is not None:
            self._reader.shutdown()

    def _open(self) -> None:
        """Fault wall: a package that is not there, or a port that is taken, costs the endpoint and nothing else."""
        with quietly(), self._lock:
            if self._closed:
                return
            try:
                self._serve()
            except ImportError:
                stats.count("export.failed.scrape")
                warn("OTEL_METRICS_EXPORTER=prometheus needs: pip install 'flowstone[prometheus]'")
            except Exception as error:
                stats.count("export.failed.scrape")
                warn("cannot serve metrics for Prometheus: %s: %s", type(error).__name__, error)

    def _serve(self) -> None:
        new_reader, new_scope, start_http_server = patient(_packages)
        resource, scope = make_resource(), new_scope(*self._scope)
        host, port = address()
        # Bound before the reader is registered: what cannot be served is not collected.
        self._server, _ = start_http_server(port, host)
        reader = new_reader()

        def collect(*args: object, **more: object) -> MetricsData:
            return metrics_data(self._read(), Deltas(frozenset()), resource, scope)

        reader._set_collect_callback(collect)  # what a meter provider does; ours are the cells
        self._reader = reader
