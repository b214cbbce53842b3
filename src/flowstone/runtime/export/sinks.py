"""Where the spans of one exporter go: as ready bytes to stock OTLP over HTTP, as SDK spans to any other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from flowstone.runtime.export.config import Config
from flowstone.runtime.export.data import Scope, SpanData
from flowstone.runtime.export.encode import Envelope, encode_span
from flowstone.runtime.export.exporters import span_exporter
from flowstone.runtime.export.readable import readable
from flowstone.runtime.export.resource import make_resource

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

Item_contra = TypeVar("Item_contra", contravariant=True)


class Sink(Protocol[Item_contra]):
    """What an export thread sends its items to."""

    def send(self, items: Sequence[Item_contra]) -> bool:
        """Deliver *items*; return whether the receiver took them."""
        ...

    def close(self) -> None:
        """Give up what is under way and free connections."""
        ...


class SdkSpanSink:
    """Sends spans that the SDK made, or could have made."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def send(self, items: Sequence[ReadableSpan]) -> bool:
        """Export *items*."""
        from opentelemetry.sdk.trace.export import SpanExportResult

        return self._exporter.export(list(items)) is SpanExportResult.SUCCESS

    def close(self) -> None:
        """Shut the exporter down."""
        self._exporter.shutdown()


class DataSink:
    """Sends our spans through any exporter."""

    encoded = False

    def __init__(self, exporter: SpanExporter, resource: Resource, scope: InstrumentationScope) -> None:
        self._inner = SdkSpanSink(exporter)
        self._resource, self._scope = resource, scope

    def send(self, items: Sequence[SpanData | bytes]) -> bool:
        """Export *items* as SDK spans."""
        spans = [readable(item, self._resource, self._scope) for item in items if isinstance(item, SpanData)]
        return self._inner.send(spans)

    def close(self) -> None:
        """Shut the exporter down."""
        self._inner.close()


class BytesSink:
    """Sends encoded spans with the transport of the stock OTLP/HTTP exporter.

    So all that ``OTEL_EXPORTER_OTLP_*`` says about endpoint, headers, certificates, compression,
    time-outs and retries holds without being read again here.

    Attributes:
        encoded: Tells the drain to encode; what was queued before is encoded here.
    """

    encoded = True

    def __init__(self, exporter: SpanExporter, post: Callable[[bytes], object], envelope: Envelope) -> None:
        self._exporter, self._post, self._envelope = exporter, post, envelope

    def send(self, items: Sequence[SpanData | bytes]) -> bool:
        """Post one request with *items*."""
        ready = [item if isinstance(item, bytes) else encode_span(item) for item in items]
        return bool(getattr(self._post(self._envelope.wrap(ready)), "success", False))

    def close(self) -> None:
        """Shut the exporter down; this ends its waiting between retries."""
        self._exporter.shutdown()


def span_sink(name: str, config: Config, scope: Scope) -> DataSink | BytesSink | None:
    """Build the exporter called *name*, and what sends our spans to it; none where it cannot be built."""
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    exporter = span_exporter(name, config)
    if exporter is None:
        return None
    resource = make_resource()
    post = None if config.stock else raw_post(exporter)
    if post is None:
        return DataSink(exporter, resource, InstrumentationScope(scope.name, scope.version, scope.schema_url))
    return BytesSink(exporter, post, envelope_of(resource, scope))


def envelope_of(resource: Resource, scope: Scope) -> Envelope:
    """Return what surrounds what *scope* makes, in a process that *resource* describes."""
    return Envelope(
        resource.attributes,  # type: ignore[arg-type]  # the SDK's attribute values, which the encoder takes
        scope=scope.name,
        version=scope.version,
        schema_url=scope.schema_url,
        resource_schema_url=resource.schema_url,
    )


def raw_post(exporter: SpanExporter) -> Callable[[bytes], object] | None:
    """Return what posts ready bytes, if *exporter* is the stock OTLP/HTTP one and has it where we know it."""
    cls = type(exporter)
    if cls.__module__ != "opentelemetry.exporter.otlp.proto.http.trace_exporter":
        return None
    return raw_client(exporter)


def raw_client(exporter: object) -> Callable[[bytes], object] | None:
    """Return what posts ready bytes for a stock OTLP/HTTP exporter of any signal, if it is where we know it."""
    post = getattr(getattr(exporter, "_client", None), "export", None)
    return post if callable(post) else None


def raw_metric_post(exporter: object) -> Callable[[bytes], object] | None:
    """Return what posts ready bytes, if *exporter* is the stock OTLP/HTTP one for metrics and sends all at once."""
    if type(exporter).__module__ != "opentelemetry.exporter.otlp.proto.http.metric_exporter":
        return None
    if getattr(exporter, "_max_export_batch_size", None) is not None:
        return None  # it would split the request
    return raw_client(exporter)
