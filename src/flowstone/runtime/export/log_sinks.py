"""Where the log records of one exporter go: as ready bytes to stock OTLP over HTTP, as SDK records to any other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flowstone.runtime.export.config import Config
from flowstone.runtime.export.data import LogData, Scope
from flowstone.runtime.export.encode import Envelope
from flowstone.runtime.export.exporters import log_exporter
from flowstone.runtime.export.log_encode import encode_record
from flowstone.runtime.export.log_records import Exporter, RecordSink
from flowstone.runtime.export.resource import make_resource
from flowstone.runtime.export.sinks import envelope_of, raw_client

_STOCK = "opentelemetry.exporter.otlp.proto.http._log_exporter"


class RecordBytesSink:
    """Sends encoded records with the transport of the stock OTLP/HTTP exporter.

    Attributes:
        encoded: Tells the drain to encode; what was queued before is encoded here.
    """

    encoded = True

    def __init__(self, exporter: Exporter, post: Callable[[bytes], object], envelope: Envelope) -> None:
        self._exporter, self._post, self._envelope = exporter, post, envelope

    def send(self, items: Sequence[LogData | bytes]) -> bool:
        """Post one request with *items*."""
        # Traces and logs have the same envelope: resource, scope and items have the same field numbers.
        request = self._envelope.wrap(
            [item if isinstance(item, bytes) else encode_record(item) for item in items]
        )
        return bool(getattr(self._post(request), "success", False))

    def close(self) -> None:
        """Shut the exporter down; this ends its waiting between retries."""
        self._exporter.shutdown()


def log_sink(name: str, config: Config, scope: Scope) -> RecordBytesSink | RecordSink | None:
    """Build the exporter called *name*, and what sends our records to it; none where it cannot be built."""
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    exporter = log_exporter(name, config)
    if exporter is None:
        return None
    resource = make_resource()
    post = raw_client(exporter) if type(exporter).__module__ == _STOCK and not config.stock else None
    if post is None:
        return RecordSink(exporter, resource, InstrumentationScope(*scope))
    return RecordBytesSink(exporter, post, envelope_of(resource, scope))
